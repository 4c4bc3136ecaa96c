/** OUT/split.json: the rule, where each photo went, and which photos had to move: what keeps the next run's split the same. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { fileError, systemCode } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import { SPLITS } from '../sample.js'

const split = z.enum(SPLITS)
const amount = z.number().nonnegative()

const moved = z.object({ sha256: z.string(), name: z.string(), from: split, to: split })

const splitRecord = z.object({
  rule: z.literal('hash'),
  seed: z.number(),
  test: amount,
  val: amount,
  /** As the option says. */
  group: z.json(),
  threshold: z.number(),
  /** Photos that changed sides, over all runs: their groups met, or a side would have been empty. */
  moved: z.array(moved),
  /** By sha256: every photo that this run or an earlier one placed, and the duplicates left out for it. */
  photos: z.record(z.string(), split),
})

export type SplitRecord = z.infer<typeof splitRecord>
export type Moved = z.infer<typeof moved>

/** @returns the record, nothing when there is none, or `damaged` @throws {PrepError} `FILE_UNREADABLE` */
export async function readSplitRecord(path: string): Promise<SplitRecord | 'damaged' | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError(error, path, 'read the split')
  }
  try {
    return splitRecord.parse(JSON.parse(text))
  } catch {
    return 'damaged'
  }
}

export function writeSplitRecord(path: string, record: SplitRecord): Promise<void> {
  const photos = Object.fromEntries(Object.entries(record.photos).sort(([a], [b]) => (a < b ? -1 : 1)))
  return writeFileAtomic(path, `${JSON.stringify({ ...record, photos }, null, 1)}\n`)
}
