/** Leaves out photos that are there already: the same file, or nearly the same picture. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DisjointSets } from '../duplicates/disjoint-sets.js'
import { writeFileAtomic } from '../files.js'
import { defineStage, type StageContext } from '../pipeline/stage.js'
import { type Sample, SPLITS } from '../sample.js'
import {
  findAlikeSamples,
  type Signed,
  signatureShared,
  signatureTask,
  signSamples,
  thresholdOption,
} from './signatures.js'

const options = z.strictObject({
  near: z
    .boolean()
    .default(true)
    .describe(
      'Also leave out near-duplicates (re-encoded, scaled, brightened, slightly cropped); false: exact copies alone',
    ),
  threshold: thresholdOption,
  keep: z
    .enum(['first', 'largest'])
    .default('largest')
    .describe(
      'Which photo stays: the first in order, or the one of most pixels (the first of equals). Held-out photos go before others where samples bring splits along',
    ),
})
type DedupeOptions = z.output<typeof options>

const FILE = 'duplicates.json'

export const dedupe = defineStage({
  name: 'dedupe',
  version: 2,
  summary: 'Leave out exact copies and near-duplicates of photos',
  details:
    'A photo is left out when it is a copy of, or looks like, one that is kept; what merely looks like another photo left out stays. Photos left out have the reason DUPLICATE, which does not count against max_failures, and OUT/duplicates.json lists them with the photo kept. Put it before resize to keep the largest file.',
  options,
  needs: ['photo'],
  gives: [],
  tasks: { signature: signatureTask },
  shared: signatureShared,
  plan: ({ near, threshold, keep }, output) => [
    `leaves out ${near ? `near-duplicates (threshold ${threshold})` : 'exact copies'}, keeps the ${keep}; lists them in ${join(output, FILE)}`,
  ],
  intact: async (_result, _options, output) =>
    (await stat(join(output, FILE)).catch(() => undefined))?.isFile() ?? false,
  async run({ samples: all, artefacts }, options, context) {
    const signed = options.near ? await signSamples(all, context) : undefined
    const samples = signed?.samples ?? all
    const dropped = await findDuplicates(samples, signed, options, context)
    await writeList(join(context.output, FILE), samples, dropped, options)
    for (const [index, { kept, distance }] of dropped)
      context.fail({
        sample: samples[index]!.name,
        source: samples[index]!.source,
        code: 'DUPLICATE',
        message: distance === undefined ? `a copy of ${samples[kept]!.source}` : `looks like ${samples[kept]!.source}`,
        wanted: true,
      })
    const copies = [...dropped.values()].filter(({ distance }) => distance === undefined).length
    context.note(
      `${copies === 1 ? '1 copy' : `${copies} copies`} and ${dropped.size - copies} near-duplicates left out, ${samples.length - dropped.size} photos kept`,
    )
    return { artefacts, samples: keptSamples(samples, dropped) }
  },
})

interface Dropped {
  readonly kept: number
  /** Bits of the hash; absent for a copy of the file. */
  readonly distance?: number
}

/** Photos to leave out, ascending, each with the kept photo that it is nearest to. */
async function findDuplicates(
  samples: readonly Sample[],
  signed: Signed | undefined,
  options: DedupeOptions,
  context: StageContext,
): Promise<Map<number, Dropped>> {
  const sets = new DisjointSets(samples.length)
  const firstOf = new Map<string, number>()
  for (const [i, { sha256 }] of samples.entries()) {
    const first = firstOf.get(sha256)
    if (first === undefined) firstOf.set(sha256, i)
    else sets.unite(first, i)
  }
  if (options.near && signed) {
    const { runs } = await findAlikeSamples(
      signed,
      options.threshold,
      context,
      ([a], [b]) => sets.unite(a!, b!),
      ([a], [b]) => sets.find(a!) === sets.find(b!),
    )
    for (const [first, ...others] of runs) for (const other of others) sets.unite(first!, other)
  }
  const better = preference(samples, signed, options)
  const dropped = new Map<number, Dropped>()
  for (const members of sets.sets()) {
    if (members.length === 1) continue
    const kept: number[] = []
    for (const index of members.sort(better)) {
      const twin = nearestKept(index, kept, samples, signed, options)
      if (twin) dropped.set(index, twin)
      else kept.push(index)
    }
  }
  return new Map([...dropped].sort(([a], [b]) => a - b))
}

/** The order in which photos of a group are offered to stay. */
function preference(samples: readonly Sample[], signed: Signed | undefined, { keep }: DedupeOptions) {
  const heldOut = (i: number): number => SPLITS.indexOf(samples[i]!.split ?? 'train')
  const size = (i: number): number => (keep === 'largest' ? (signed?.pixels[i] ?? 0) : 0)
  return (a: number, b: number): number => heldOut(b) - heldOut(a) || size(b) - size(a) || a - b
}

function nearestKept(
  index: number,
  kept: readonly number[],
  samples: readonly Sample[],
  signed: Signed | undefined,
  { near, threshold }: DedupeOptions,
): Dropped | undefined {
  const copy = kept.find(other => samples[other]!.sha256 === samples[index]!.sha256)
  if (copy !== undefined) return { kept: copy }
  if (!near || !signed) return undefined
  let nearest: { kept: number; distance: number } | undefined
  for (const other of kept) {
    if (!signed.signatures.alike(index, other, threshold)) continue
    const distance = signed.signatures.distance(index, other)
    if (!nearest || distance < nearest.distance) nearest = { kept: other, distance }
  }
  return nearest
}

/** The kept ones, each with what was left out in its favour. */
function keptSamples(samples: readonly Sample[], dropped: ReadonlyMap<number, Dropped>): Sample[] {
  const duplicates = new Map<number, Set<string>>()
  for (const [index, { kept, distance }] of dropped)
    if (distance !== undefined) duplicates.set(kept, (duplicates.get(kept) ?? new Set()).add(samples[index]!.sha256))
  return samples.flatMap((sample, i): Sample[] => {
    const of = duplicates.get(i)
    return dropped.has(i) ? [] : [of ? { ...sample, duplicates: [...of].sort() } : sample]
  })
}

function writeList(
  path: string,
  samples: readonly Sample[],
  dropped: ReadonlyMap<number, Dropped>,
  { near, threshold, keep }: DedupeOptions,
): Promise<void> {
  const groups = new Map<number, object[]>()
  for (const [index, { kept, distance }] of dropped) {
    const entry = { ...placeOf(samples[index]!), ...(distance === undefined ? { copy: true } : { distance }) }
    const group = groups.get(kept)
    if (group) group.push(entry)
    else groups.set(kept, [entry])
  }
  const list = [...groups]
    .sort(([a], [b]) => a - b)
    .map(([kept, dropped]) => ({ kept: placeOf(samples[kept]!), dropped }))
  const rule = { near, ...(near && { threshold }), keep }
  return writeFileAtomic(path, `${JSON.stringify({ ...rule, groups: list }, null, 1)}\n`)
}

const placeOf = ({ name, source, sha256 }: Sample): object => ({ name, source, sha256 })
