/** From pairs of files to samples: both identified by content, the photo giving the sample its identity. */
import { rm } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import type { StageContext } from '../pipeline/stage.js'
import type { Sample, Split } from '../sample.js'
import { identifyFiles } from './identity.js'
import { namesFor } from './names.js'
import { describeUnpaired, type FilePair, type Pairing } from './pairing.js'

export const unpairedOption = z
  .enum(['fail', 'skip'])
  .default('fail')
  .describe('Photos without labels and labels without photos: list all and stop, or leave them out and count them')

/** For `prep plan`: how many pairs there are, and which files have no partner. */
export function previewPairs({ pairs, ...unpaired }: Pairing): { count: number; note?: string } {
  const problems = describeUnpaired(unpaired)
  return { count: pairs.length, ...(problems && { note: problems }) }
}

/**
 * Deal with the files that have no partner, before any is read.
 * @throws {PrepError} `UNPAIRED`, unless they are to be skipped: OUT/unpaired.txt then has every mismatch; `NO_MATCHES`
 *   when no pair is left
 */
export async function leaveOut(
  { pairs, ...unpaired }: Pairing,
  rule: z.output<typeof unpairedOption>,
  context: StageContext,
): Promise<void> {
  const problems = describeUnpaired(unpaired)
  const list = join(context.output, 'unpaired.txt')
  if (problems && rule === 'fail') {
    await writeFileAtomic(list, `${describeUnpaired(unpaired, Number.POSITIVE_INFINITY)}\n`)
    throw new PrepError('UNPAIRED', problems, {
      hint: `mend the names or the suffixes (all are in ${list}), or leave these files out with unpaired: skip`,
    })
  }
  await rm(list, { force: true })
  if (!pairs.length)
    throw new PrepError('NO_MATCHES', `no photo has labels of its name${problems ? `: ${problems}` : ''}`, {
      hint: 'check names and suffixes; in folders, match: name compares file names alone',
    })
  for (const { path, reason } of [...unpaired.photos, ...unpaired.labels, ...unpaired.doubles])
    context.fail({ sample: path, source: path, code: 'UNPAIRED', message: reason })
}

/**
 * @param field  what the label files hold: ids or a drawing
 * @param split  of each pair, where its folder says
 * @returns a sample for each pair whose files could both be read
 */
export async function samplesOfPairs(
  pairs: readonly (FilePair & { readonly split?: Split | undefined })[],
  field: 'label' | 'drawing',
  context: StageContext,
): Promise<Sample[]> {
  const names = namesFor(
    pairs.map(({ name, photo }) => name + extname(photo.path)),
    '',
  )
  const identities = await identifyFiles(
    pairs.flatMap(({ photo, label }, index) => [photo, label].map(file => ({ ...file, name: names[index]! }))),
    context,
  )
  return pairs.flatMap(({ photo, label, split }, index): Sample[] => {
    const [sha256, ofLabel] = [identities.get(photo.path), identities.get(label.path)]
    if (!sha256 || !ofLabel) return []
    return [
      {
        name: names[index]!,
        source: photo.path,
        sha256,
        photo: { kind: 'file', path: photo.path, sha256 },
        [field]: { kind: 'file', path: label.path, sha256: ofLabel },
        ...(split && { split }),
      },
    ]
  })
}
