/** From the text of a pipeline file to a checked pipeline: every problem of the file at once, each with its place. */
import { isMap, isSeq, parse as parseYaml, visit } from 'yaml'
import { type ErrorCode, PrepError, type PrepErrorDetails, PrepErrors, type SourcePosition } from '../errors.js'
import { interpolate } from './environment.js'
import { optionErrors } from './option-errors.js'
import { applyOverride, type Override } from './overrides.js'
import { pipelineOptions } from './pipeline-options.js'
import { type Path, PositionedYaml } from './positions.js'
import type { Field, Stage, Place as StagePlace } from './stage.js'
import { suggest } from './suggest.js'

export interface Step {
  readonly index: number
  readonly stage: Stage
  /** Parsed, with defaults. */
  readonly options: unknown
  /** Where a custom stage comes from. */
  readonly module?: StageModule
}

/** A stage of the user's own, and the hash of its file: editing the stage makes its results anew. */
export interface StageModule {
  readonly url: string
  readonly sha256: string
}

export interface Pipeline {
  readonly name: string
  readonly file: string
  readonly seed: number
  readonly output: string
  /** Stop when more samples than this are left out: a count, or a share of all. */
  readonly maxFailures: { readonly count: number } | { readonly share: number }
  readonly steps: readonly Step[]
  /** Environment variables that the file took values from. */
  readonly environment: Readonly<Record<string, string>>
  /** What `--set` changed, as typed. */
  readonly overrides?: readonly string[]
}

export interface ParseInput {
  /** How messages name the file. */
  readonly file: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly overrides?: readonly Override[]
  /** Built-in stages by name. */
  readonly stages: ReadonlyMap<string, Stage>
  /** Custom stages by the text after `stage:`, loaded beforehand (see `customStageNames`). */
  readonly modules?: ReadonlyMap<string, { readonly stage: Stage; readonly module: StageModule } | PrepError>
}

export const isCustomStage = (name: string): boolean => /^\.{0,2}\//.test(name)

/** The custom stages that a pipeline file names, in order; nothing for a file that does not parse. */
export function customStageNames(text: string): string[] {
  const names: string[] = []
  const { document } = new PositionedYaml(text, '')
  const steps = document.get('steps', true)
  if (isSeq(steps))
    for (const item of steps.items) {
      const name = isMap(item) ? item.get('stage') : undefined
      if (typeof name === 'string' && isCustomStage(name)) names.push(name)
    }
  return names
}

/**
 * @throws {PrepErrors} with every problem found: syntax, unknown stages and options, types and ranges, variables that are
 *         not set, stages whose inputs no earlier stage gives
 */
export function parsePipeline(text: string, input: ParseInput): Pipeline {
  const yaml = new PositionedYaml(text, input.file)
  const errors: PrepError[] = []
  const overridden = new Map<string, SourcePosition>()
  const place = (path: Path, of: 'key' | 'value' = 'value'): SourcePosition => {
    for (let length = path.length; length > 0; length--) {
      const set = overridden.get(path.slice(0, length).join('.'))
      if (set) return set
    }
    return of === 'key' ? yaml.ofKey(path) : yaml.ofValue(path)
  }
  const report = (code: ErrorCode, message: string, details: PrepErrorDetails = {}): void => {
    errors.push(new PrepError(code, message, details))
  }

  for (const { message, pos } of yaml.document.errors)
    report('YAML_SYNTAX', message.split('\n')[0]!, { at: yaml.at(pos[0], pos[1] - pos[0]) })
  if (errors.length) throw new PrepErrors(errors)

  const environment = interpolateValues(yaml, input, report)
  for (const override of input.overrides ?? []) {
    try {
      const path = applyOverride(yaml.document, override)
      const prefix = '--set '
      overridden.set(path.join('.'), {
        file: 'command line',
        line: 1,
        column: prefix.length + override.text.indexOf('=') + 2,
        length: override.text.length - override.text.indexOf('=') - 1,
        text: prefix + override.text,
      })
    } catch (error) {
      if (!(error instanceof PrepError)) throw error
      errors.push(error)
    }
  }

  const raw: unknown = yaml.document.toJS()
  const head = pipelineOptions.safeParse(raw)
  if (!head.success) errors.push(...optionErrors(head.error, pipelineOptions, raw, [], place))
  const rawSteps = (raw as { steps?: unknown } | null)?.steps
  const steps = Array.isArray(rawSteps) ? parseSteps(rawSteps, input, place, report, errors) : []
  checkInputs(steps, place, report)
  if (head.success) {
    const output = head.data.output ?? `runs/${head.data.name ?? fileStem(input.file)}`
    let size: StagePlace['size']
    for (const { index, known, stage, options } of steps) {
      if (!known) continue
      for (const { option, code, message, hint } of stage.check?.(options, { output, ...(size && { size }) }) ?? [])
        report(code, `steps[${index}].${option}: ${message}`, { at: place(['steps', index, option]), hint })
      size = stage.sizeOf?.(options) ?? size
    }
    if (!errors.length)
      return {
        name: head.data.name ?? fileStem(input.file),
        file: input.file,
        seed: head.data.seed,
        output,
        maxFailures: head.data.max_failures,
        steps: steps.map(({ known: _, ...step }) => step),
        environment,
        overrides: (input.overrides ?? []).map(({ text }) => text),
      }
  }
  throw new PrepErrors(
    errors.sort((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0)),
  )
}

const fileStem = (file: string): string => (file.split('/').at(-1) ?? file).replace(/\.ya?ml$/, '')

type Report = (code: ErrorCode, message: string, details?: PrepErrorDetails) => void
type Place = (path: Path, of?: 'key' | 'value') => SourcePosition

function interpolateValues(yaml: PositionedYaml, { environment }: ParseInput, report: Report): Record<string, string> {
  const all: Record<string, string> = {}
  visit(yaml.document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return
      const { text, missing, changed, used } = interpolate(node.value, environment)
      Object.assign(all, used)
      const at = node.range ? yaml.at(node.range[0], node.range[1] - node.range[0]) : undefined
      for (const name of missing)
        report('ENV_MISSING', `the environment variable ${name} is not set`, {
          at,
          hint: `set it, or give a default: \${${name}:-value}`,
        })
      if (!changed) return
      // A plain scalar is read again, so that ${SIZE:-512} is a number; a quoted one stays text.
      node.value = node.type === 'PLAIN' ? parseYaml(text) : text
    },
  })
  return all
}

interface ParsedStep extends Step {
  /** false when the stage or its options were refused: only what it gives is used, to spare follow-up errors. */
  readonly known: boolean
}

function parseSteps(
  raw: readonly unknown[],
  input: ParseInput,
  place: Place,
  report: Report,
  errors: PrepError[],
): ParsedStep[] {
  const steps: ParsedStep[] = []
  raw.forEach((item, index) => {
    const path = ['steps', index]
    if (item === null || typeof item !== 'object' || Array.isArray(item)) {
      report('PIPELINE_SHAPE', `steps[${index}]: expected a stage with options, found ${JSON.stringify(item)}`, {
        at: place(path),
        hint: 'write it as `- stage: NAME`, options below it',
      })
      return
    }
    const { stage: name, ...given } = item as Record<string, unknown>
    const found = findStage(name, input)
    if (found instanceof PrepError) {
      errors.push(
        new PrepError(found.code, `steps[${index}].stage: ${found.message}`, {
          hint: found.hint,
          at: place([...path, 'stage']),
        }),
      )
      const near = typeof name === 'string' ? suggest(name, [...input.stages.keys()]) : undefined
      const like = near ? input.stages.get(near) : undefined
      if (like) steps.push({ index, stage: like, options: {}, known: false })
      return
    }
    const parsed = found.stage.options.safeParse(given)
    if (!parsed.success) errors.push(...optionErrors(parsed.error, found.stage.options, given, path, place))
    steps.push({ index, known: parsed.success, options: parsed.success ? parsed.data : given, ...found })
  })
  return steps
}

function findStage(name: unknown, { stages, modules }: ParseInput): { stage: Stage; module?: StageModule } | PrepError {
  if (typeof name !== 'string')
    return new PrepError('OPTION_MISSING', `expected the name of a stage, found ${JSON.stringify(name) ?? 'nothing'}`, {
      hint: `the stages are ${[...stages.keys()].join(', ')}`,
    })
  if (isCustomStage(name))
    return (
      modules?.get(name) ??
      new PrepError('STAGE_MODULE', `the stage ${name} was not loaded`, { hint: 'check its path' })
    )
  const stage = stages.get(name)
  if (stage) return { stage }
  const near = suggest(name, [...stages.keys()])
  return new PrepError('UNKNOWN_STAGE', `unknown stage ${name}`, {
    hint: near ? `did you mean ${near}?` : `the stages are ${[...stages.keys()].join(', ')}`,
  })
}

function checkInputs(steps: readonly ParsedStep[], place: Place, report: Report): void {
  const have = new Set<Field>()
  for (const { stage, index, options, known } of steps) {
    const { needs = [], gives = stage.gives } = (known && stage.fields?.(options)) || {}
    for (const need of [...stage.needs, ...needs]) {
      const any = typeof need === 'string' ? [need] : need
      if (any.some(field => have.has(field))) continue
      const later = steps.find(step => step.index > index && any.some(field => step.stage.gives.includes(field)))
      const wanted = any.join(' or ')
      report('STAGE_INPUT_MISSING', `steps[${index}]: ${stage.name} needs ${wanted}, which no step before it gives`, {
        at: place(['steps', index, 'stage']),
        hint: later
          ? `move ${later.stage.name} (step ${later.index}) before it`
          : `put a stage before it that gives ${wanted}${GIVERS[any[0]!]}`,
      })
      for (const field of any) have.add(field)
    }
    for (const field of gives) have.add(field)
  }
}

const GIVERS: { readonly [field in Field]: string } = {
  photo: ': glob',
  label: ': kmeans, classes or folders',
  drawing: ', such as pairs or folders',
  palette: ': kmeans or classes',
  split: ': split',
  dataset: ': pack',
  model: ': train',
}
