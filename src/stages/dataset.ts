/** Takes a data set that is packed already, from a folder or from an S3-compatible bucket, so that training can follow. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { filesOf, PALETTE_FILE } from '../formats/dataset/index-file.js'
import { readIndex } from '../formats/dataset/read.js'
import { fingerprint } from '../pipeline/fingerprint.js'
import { defineStage, type StageContext } from '../pipeline/stage.js'
import { Bucket } from '../s3/bucket.js'
import { fetchDataset } from '../s3/fetch.js'
import { bucketOptions, placeOf } from '../s3/place.js'
import { describeSplits } from '../sample.js'
import { hash, identifyFiles } from './identity.js'

const MIB = 1 << 20
const FOLDER = 'dataset'

const options = z.strictObject({
  from: z
    .string()
    .min(1)
    .describe('Folder of a data set (used where it is), or s3://BUCKET/PREFIX (copied to OUT/dataset)'),
  ...bucketOptions,
})
type DatasetOptions = z.output<typeof options>

export const dataset = defineStage({
  name: 'dataset',
  version: 1,
  summary: 'Take a packed data set from a folder or a bucket',
  details:
    'Every file is held to the sha256 in index.json; a file of OUT/dataset that fits is not fetched again, and a transfer that was cut goes on. Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without them the bucket is asked as anybody may.',
  options,
  needs: [],
  gives: ['dataset', 'palette'],
  neutral: ['parallel'],
  source: true,
  tasks: { hash },
  plan: ({ from }, output) => [
    isRemote(from) ? `copies ${from} to ${join(output, FOLDER)}` : `takes the data set ${from} where it is`,
  ],
  check: ({ from }, { output }) =>
    !isRemote(from) && resolve(from) === resolve(output, FOLDER)
      ? [
          {
            option: 'from',
            code: 'INPUT_CYCLE' as const,
            message: `${from} is in the pipeline's own output ${output}`,
            hint: 'set another output:, or name a data set elsewhere',
          },
        ]
      : [],
  async run(_set, options, context) {
    const path = isRemote(options.from)
      ? await bring(options, context)
      : await checkFolder(options.from.replace(/\/+$/, ''), context)
    const index = await readIndex(path)
    context.note(`pairs: ${describeSplits(index.rows)}; ${index.shards.length} shards, generation ${index.generation}`)
    const palette = join(path, PALETTE_FILE)
    return {
      samples: [],
      artefacts: {
        dataset: { path, key: index.fingerprint },
        palette: { path: palette, key: fingerprint(await readFile(palette, 'utf8')) },
      },
    }
  },
})

const isRemote = (from: string): boolean => from.startsWith('s3://')

async function bring(options: DatasetOptions, context: StageContext): Promise<string> {
  const path = join(context.output, FOLDER)
  const place = placeOf(options.from, options)
  const { brought, bytes } = await fetchDataset(new Bucket(place, context.signal), path, {
    parallel: options.parallel,
    present: files => hashesOf(path, files, context),
    onProgress: (done, total) => context.progress('fetch MiB', Math.floor(done / MIB), Math.ceil(total / MIB)),
  })
  context.note(`${brought} files fetched from ${place.address} (${Math.ceil(bytes / MIB)} MiB)`)
  return path
}

/** @throws {PrepError} `SHARD_DAMAGED` for a file that is not as the index says */
async function checkFolder(given: string, context: StageContext): Promise<string> {
  // The output of a run has its data set inside.
  const path = existsSync(join(given, FOLDER, 'index.json')) ? join(given, FOLDER) : given
  const files = filesOf(await readIndex(path))
  const found = await hashesOf(
    path,
    files.map(({ file }) => file),
    context,
  )
  const damaged = files.filter(({ file, sha256 }) => found.get(file) !== sha256).map(({ file }) => file)
  if (damaged.length)
    throw new PrepError('SHARD_DAMAGED', `${path}: not as index.json says: ${damaged.slice(0, 5).join(', ')}`, {
      hint: '`prep verify` lists all damage; fetch or pack the data set again',
    })
  return path
}

/** sha256 of the files that are there, by path inside the data set; files that have not changed are not read again. */
async function hashesOf(
  folder: string,
  files: readonly string[],
  context: StageContext,
): Promise<ReadonlyMap<string, string>> {
  const there = files.filter(file => existsSync(join(folder, file)))
  const known = await identifyFiles(
    there.map(file => ({ path: join(folder, file), name: file })),
    // A file that is damaged is no photo that was left out.
    { ...context, fail: () => {} },
  )
  return new Map(
    there.flatMap(file => {
      const sha256 = known.get(join(folder, file))
      return sha256 ? [[file, sha256]] : []
    }),
  )
}
