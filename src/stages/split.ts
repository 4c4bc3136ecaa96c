/** Decides which photos the model never trains on. Adding photos never moves one from one side to the other. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { findLeaks } from '../duplicates/leaks.js'
import { PrepError } from '../errors.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import { defineStage, type StageContext } from '../pipeline/stage.js'
import { bySplit, describeSplits, type Sample, SPLITS, type Split } from '../sample.js'
import {
  type Signed,
  searchOptions,
  signAhead,
  signatureShared,
  signatureTask,
  signSamples,
  thresholdOption,
} from './signatures.js'
import { groupSamples, type PhotoGroup } from './split-groups.js'
import { type Group, type Placement, placeGroups } from './split-places.js'
import { type Moved, readSplitRecord, type SplitRecord, writeSplitRecord } from './split-record.js'

const amount = z
  .number()
  .min(0)
  .refine(value => value < 1 || Number.isInteger(value), { message: 'a share below 1 or a whole number of photos' })

const grouping = z.union([z.enum(['none', 'near-duplicates', 'folder']), z.strictObject({ column: z.string().min(1) })])

const options = z
  .strictObject({
    test: amount
      .default(0.2)
      .describe('Held-out photos that nobody looks at until the end: a share (0.2) or a count (20)'),
    val: amount.default(0).describe('Held-out photos to choose between models by: a share or a count; 0: none'),
    group: z
      .union([grouping, z.array(grouping).min(1)])
      .default('near-duplicates')
      .describe(
        'What must land on one side: near-duplicates (photos that look alike), folder, {column: NAME} of a list of photos, none, or several of them as a list. Copies always stay together',
      ),
    threshold: thresholdOption,
  })
  .refine(({ test, val }) => test > 0 || val > 0, { path: ['test'], message: 'above 0, or val above 0' })
  .refine(({ test, val }) => !(test < 1 && val < 1 && test + val >= 1), {
    path: ['val'],
    message: 'shares of test and val that leave some photos for training',
  })
type SplitOptions = z.output<typeof options>

export const split = defineStage({
  name: 'split',
  version: 3,
  summary: 'Hold out photos for testing and validation, without leaks',
  details:
    'Photos that look alike go to one side together, so that no test photo is a near-copy of a training photo. A share goes by a hash of contents and the seed alone; OUT/split.json remembers where each photo went, so that new photos move no old one. Only where new photos join two groups that lie on different sides do photos move, to the training side, and are named. Splits that samples bring along are kept as they are and checked for leaks. `prep split --check` checks any data set. docs/splits.md tells more.',
  options,
  needs: ['photo'],
  gives: ['split'],
  ahead: [signAhead<SplitOptions>(({ group }) => groupings(group).includes('near-duplicates'))],
  shared: signatureShared,
  tasks: { signature: signatureTask },
  plan: ({ test, val, group }) => [
    `holds out ${[test && `${amountText(test)} for testing`, val && `${amountText(val)} for validation`].filter(Boolean).join(', ')}`,
    `keeps together: copies${groupings(group)
      .filter(by => by !== 'none')
      .map(by => `, ${groupingText(by)}`)
      .join('')}`,
  ],
  intact: async (result, _options, _output) =>
    (await stat(result.artefacts.split?.path ?? '').catch(() => undefined))?.isFile() ?? false,
  async run({ samples: all, artefacts }, options, context) {
    const by = groupings(options.group)
    const given = all.some(sample => sample.split)
    const signed = by.includes('near-duplicates') || given ? await signSamples(all, context) : undefined
    const samples = signed?.samples ?? all
    const groups = await groupSamples(samples, by, { signed, threshold: options.threshold, context })
    checkEnough(samples, groups, options)

    const path = join(context.output, 'split.json')
    const before = await recordedSplits(path, options, context)
    const placement = placeGroups(
      groups.map(group => groupOf(group, samples, before.photos)),
      { ...options, seed: context.seed },
    )
    const open = groups.some(({ members }) => members.some(i => !samples[i]!.split))
    if (placement.empty && open) throw tooFewGroups(placement.empty, groups.length, options)

    const result = splitSamples(samples, groups, placement)
    const moved = movedSamples(result, samples, before.photos)
    const photos = { ...before.photos }
    for (const [i, sample] of result.entries())
      if (!samples[i]!.split) for (const sha256 of shasOf(sample)) photos[sha256] = sample.split!
    const { test, val, group, threshold } = options
    const rule = { rule: 'hash', seed: context.seed, test, val, group, threshold } as const
    await writeSplitRecord(path, { ...rule, moved: [...before.moved, ...moved], photos })

    report(result, groups, placement, moved, context)
    if (given && signed) await warnOfLeaks(result, signed, options.threshold, context)
    return {
      artefacts: { ...artefacts, split: { path, key: fingerprint({ test, val, group, seed: context.seed } as Json) } },
      samples: result,
    }
  },
})

const groupings = (group: SplitOptions['group']) => (Array.isArray(group) ? group : [group])
const groupingText = (by: z.output<typeof grouping>): string => (typeof by === 'object' ? `column ${by.column}` : by)
const amountText = (amount: number): string => (amount < 1 ? `${Number((amount * 100).toFixed(2))}%` : `${amount}`)

function checkEnough(samples: readonly Sample[], groups: readonly PhotoGroup[], { test, val }: SplitOptions): void {
  const open = groups.filter(({ members }) => members.some(i => !samples[i]!.split))
  if (!open.length) return
  const photos = open.reduce((sum, { size }) => sum + size, 0)
  if (groups.length < 2)
    throw new PrepError(
      'SPLIT_IMPOSSIBLE',
      photos > 1
        ? `a split needs at least 2 groups, found ${photos} photos that all belong together`
        : `a split needs at least 2 different photos, found ${photos}`,
      {
        hint:
          photos > 1
            ? 'use `group: none` or a lower `threshold`, add other photos, or remove the split step'
            : 'add photos, or remove the split step to train on everything',
      },
    )
  const counted = [test, val].filter(amount => amount >= 1).reduce((sum, amount) => sum + amount, 0)
  if (counted >= photos)
    throw new PrepError('SPLIT_IMPOSSIBLE', `test: ${test}, val: ${val} leave none of ${photos} photos for training`, {
      hint: `hold out at most ${photos - 1}`,
    })
}

function tooFewGroups(empty: Split, groups: number, { test, val }: SplitOptions): PrepError {
  const sides = ['train', test > 0 && 'test', val > 0 && 'val'].filter(Boolean)
  return new PrepError(
    'SPLIT_IMPOSSIBLE',
    `a split into ${sides.join(', ')} needs at least ${sides.length} groups of photos, found ${groups}: none is left for ${empty}`,
    { hint: 'use `group: none` or a lower `threshold`, add other photos, or ask for fewer sides' },
  )
}

/** Where photos went before, if that was by the same amounts and seed. */
async function recordedSplits(
  path: string,
  { test, val }: SplitOptions,
  { seed, warn, note }: StageContext,
): Promise<Pick<SplitRecord, 'photos' | 'moved'>> {
  const record = await readSplitRecord(path)
  if (record === 'damaged') warn(`${path} cannot be read: photos are placed without it`)
  if (record === undefined || record === 'damaged') return { photos: {}, moved: [] }
  if (record.seed === seed && record.test === test && record.val === val) return record
  const changes = Object.entries({ test, val, seed }).flatMap(([name, value]) => {
    const old = record[name as 'test' | 'val' | 'seed']
    return old === value ? [] : [`${name} ${old} -> ${value}`]
  })
  note(`photos are placed anew: ${changes.join(', ')}`)
  return { photos: {}, moved: [] }
}

/**
 * Of several sides the one that trains most: what a model may have been trained on must not come back as a test photo.
 */
const strictest = (splits: readonly Split[]): Split | undefined => SPLITS.find(split => splits.includes(split))

/** A photo, and those that a dedupe step left out in its favour: the picture was where they were. */
const shasOf = ({ sha256, duplicates = [] }: Sample): readonly string[] => [sha256, ...duplicates]

function groupOf({ members, id, size }: PhotoGroup, samples: readonly Sample[], before: SplitRecord['photos']): Group {
  return {
    id,
    size,
    given: strictest(members.flatMap(i => samples[i]!.split ?? [])),
    before: strictest(members.flatMap(i => shasOf(samples[i]!).flatMap(sha256 => before[sha256] ?? []))),
  }
}

function splitSamples(samples: readonly Sample[], groups: readonly PhotoGroup[], { splits }: Placement): Sample[] {
  const result = [...samples]
  for (const [at, { members }] of groups.entries()) {
    const names = members.map(i => samples[i]!.name)
    const name = members.length > 1 ? names.reduce((least, name) => (name < least ? name : least)) : undefined
    for (const i of members) {
      const group = samples[i]!.group ?? name
      result[i] = { ...samples[i]!, split: samples[i]!.split ?? splits[at]!, ...(group !== undefined && { group }) }
    }
  }
  return result
}

function movedSamples(result: readonly Sample[], samples: readonly Sample[], before: SplitRecord['photos']): Moved[] {
  return result.flatMap(({ sha256, name, split }, i) => {
    const from = before[sha256]
    return samples[i]!.split || !from || from === split ? [] : [{ sha256, name, from, to: split! }]
  })
}

/** Examples named in a message; the rest are in split.json. */
const EXAMPLES = 5

function report(
  result: readonly Sample[],
  groups: readonly PhotoGroup[],
  { tooLarge, lent }: Placement,
  moved: readonly Moved[],
  { note, warn, output }: StageContext,
): void {
  const counts = bySplit(side => result.filter(({ split }) => split === side).length)
  const joined = groups.filter(({ members }) => members.length > 1)
  const grouped = joined.reduce((sum, { members }) => sum + members.length, 0)
  note(`${describeSplits(counts)}${joined.length ? `; ${grouped} photos in ${joined.length} groups` : ''}`)
  const lentPhotos = new Set(lent.flatMap(i => groups[i]!.members.map(member => result[member]!.sha256)))
  const warnOf = (some: readonly Moved[], reason: string): void => {
    if (!some.length) return
    const examples = some.slice(0, EXAMPLES).map(({ name, from, to }) => `${name} ${from} -> ${to}`)
    const rest = some.length > EXAMPLES ? ', ...' : ''
    warn(
      `${photosText(some.length)} changed sides because ${reason}: ${examples.join(', ')}${rest}; all are listed in ${join(output, 'split.json')}`,
    )
  }
  warnOf(
    moved.filter(({ sha256 }) => !lentPhotos.has(sha256)),
    'groups met',
  )
  warnOf(
    moved.filter(({ sha256 }) => lentPhotos.has(sha256)),
    'no photo was left there',
  )
  const kept = largestOf(tooLarge.map(i => groups[i]!))
  if (kept)
    warn(
      `${tooLarge.length === 1 ? '1 group is' : `${tooLarge.length} groups are`} larger than the side drawn for it, so training keeps it; the largest, of ${result[kept.members[0]!]!.name}, has ${kept.size} photos`,
    )
  const largest = largestOf(groups)
  if (largest && largest.size > Math.max(CROWD, CROWD_SHARE * result.length))
    warn(
      `one group, of ${result[largest.members[0]!]!.name}, has ${largest.size} of ${result.length} photos: shares come out wrong; where photos are not that much alike, use a lower threshold or group: none`,
    )
}

/** Photos, and their share of all, from which on a group is probably none: pictures too simple to be told apart. */
const CROWD = 20
const CROWD_SHARE = 0.25

const largestOf = (groups: readonly PhotoGroup[]): PhotoGroup | undefined =>
  groups.reduce<PhotoGroup | undefined>((best, group) => (best && best.size >= group.size ? best : group), undefined)

const photosText = (count: number): string => (count === 1 ? '1 photo' : `${count} photos`)

async function warnOfLeaks(
  result: readonly Sample[],
  { signatures }: Signed,
  threshold: number,
  context: StageContext,
): Promise<void> {
  const leaks = await findLeaks(
    signatures,
    result.map(({ split }) => split!),
    searchOptions(threshold, context),
  )
  if (!leaks.length) return
  const photos = new Set(leaks.map(({ picture }) => picture)).size
  const examples = leaks
    .slice(0, EXAMPLES)
    .map(
      ({ picture, split, twin, twinSplit }) =>
        `${result[picture]!.name} (${split}) ~ ${result[twin]!.name} (${twinSplit})`,
    )
  context.warn(
    `the given split leaks: ${photosText(photos)} held out look like others in training or validation: ${examples.join(', ')}${leaks.length > EXAMPLES ? ', ...' : ''}; \`prep split --check ${context.output}\` lists all, and a dedupe step before would remove them`,
  )
}
