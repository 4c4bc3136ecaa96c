/** From what a run was made, so that it can be made again: command, pipeline, versions, checksums; secrets are not told. */
import { readFile } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { commandLine } from '../pipeline/command-line.js'
import type { Origin } from '../pipeline/output.js'
import type { StepRecord } from '../pipeline/step-record.js'
import type { CheckpointState } from '../trainer/checkpoint.js'
import type { ProvenanceFacts } from './facts.js'
import type { PackedDataset } from './packed.js'
import { makeRedactor, secretValues } from './secrets.js'
import { hiddenVariables, overrideSecrets, reasonSecrets, withoutYamlSecrets, yamlSecrets } from './yaml-secrets.js'

/** Shards listed; index.json has them all. */
const SHARDS = 500
/** Of the pipeline file, shown; lists of addresses may make one long. */
const YAML_BYTES = 100_000

export interface ProvenanceSources {
  readonly run: string
  readonly origin: Origin | undefined
  readonly records: readonly StepRecord[]
  readonly packed: PackedDataset | undefined
  readonly state: CheckpointState | undefined
  readonly machine: ProvenanceFacts['machine']
}

export interface Provenance {
  readonly facts: ProvenanceFacts
  /** The command that makes the run, or goes on with it. */
  readonly command?: string
  /** Texts that must not be told anywhere in the report. */
  readonly secrets: readonly string[]
}

export async function gatherProvenance(sources: ProvenanceSources): Promise<Provenance> {
  const { origin, records, packed, state, machine } = sources
  const yaml = origin && (await readYaml(origin))
  const environment = origin?.environment ?? {}
  const hidden = hiddenVariables(yaml?.text ?? '', environment)
  const command = origin && commandOf(origin, hidden)
  const last = records.at(-1)
  const model = records.findLast(({ result }) => result.artefacts.model)?.result.artefacts.model
  const secrets = [
    ...[...hidden].flatMap(name => environment[name] ?? []),
    ...yamlSecrets(yaml?.text ?? ''),
    ...(origin?.overrides ?? []).flatMap(text => overrideSecrets(text).secrets),
    ...records.flatMap(({ from, reason }) => [...secretValues(from.options), ...reasonSecrets(reason).secrets]),
  ]
  // secrets go before the text is cut, which might leave half of one
  const told = yaml && makeRedactor(secrets)(withoutYamlSecrets(yaml.text))
  return {
    secrets,
    ...(command !== undefined && { command }),
    facts: {
      ...(last && { seed: last.from.seed }),
      ...(origin && { folder: origin.folder }),
      ...(command !== undefined && { command }),
      hidden: Object.keys(environment).filter(name => hidden.has(name)),
      ...(yaml && told !== undefined && { yaml: { file: yaml.file, ...beginning(told) } }),
      stages: records.map(({ from: { stage, version, module } }) => ({ stage, version, ...(module && { module }) })),
      ...(last && { codec: last.from.codec }),
      ...(state?.versions && { versions: state.versions }),
      ...(machine && { machine }),
      ...(packed && {
        dataset: {
          folder: packed.folder,
          fingerprint: packed.index.fingerprint,
          generation: packed.index.generation,
          shards: packed.index.shards
            .slice(0, SHARDS)
            .map(({ file, rows, bytes, sha256 }) => ({ file, rows, bytes, sha256 })),
          shardCount: packed.index.shards.length,
        },
      }),
      ...(model && { model: { path: model.path, sha256: model.key } }),
    },
  }
}

/** As typed but for the values that are not told: a shell fills those in from its own environment. */
function commandOf({ file, environment, overrides }: Origin, hidden: ReadonlySet<string>): string | undefined {
  if (!file) return undefined
  const told = Object.fromEntries(Object.entries(environment).filter(([name]) => !hidden.has(name)))
  const settings = overrides.flatMap(text => ['--set', overrideSecrets(text).told])
  const needed = Object.keys(environment).filter(name => hidden.has(name))
  const before = needed.map(name => `${name}="$${name}" `).join('')
  return before + commandLine(told, ['run', file, ...settings])
}

/** Whole lines of a text, as many as are shown. */
function beginning(text: string): { text: string; cutBytes?: number } {
  const bytes = Buffer.from(text)
  if (bytes.length <= YAML_BYTES) return { text }
  const lines = bytes.lastIndexOf('\n', YAML_BYTES - 1) + 1
  const length = lines > 0 ? lines : YAML_BYTES
  // a character that is cut through is left out
  return { text: bytes.toString('utf8', 0, length).replace(/\ufffd$/, ''), cutBytes: bytes.length - length }
}

async function readYaml({ folder, file }: Origin): Promise<{ file: string; text: string } | undefined> {
  if (!file) return undefined
  const text = await readFile(isAbsolute(file) ? file : join(folder, file), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : { file: isAbsolute(file) ? relative(folder, file) : file, text }
}
