/** Copies the packed data set to an S3-compatible bucket; src/s3 does the talking. */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { defineStage } from '../pipeline/stage.js'
import { Bucket } from '../s3/bucket.js'
import { ADDRESS, bucketOptions, placeOf } from '../s3/place.js'
import { uploadDataset } from '../s3/upload.js'

const MIB = 1 << 20

const options = z.strictObject({
  to: z
    .string()
    .regex(ADDRESS, 'expected s3://BUCKET/PREFIX')
    .describe('s3://BUCKET/PREFIX; the data set’s files go below it'),
  ...bucketOptions,
  part_mb: z.int().min(5).max(5120).default(16).describe('Larger files travel in parts of so many MiB'),
})

export const upload = defineStage({
  name: 'upload',
  version: 1,
  summary: 'Copy the data set to an S3-compatible bucket',
  details:
    'Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, never from the pipeline. Objects that are there already with the same size and sha256 are not sent again, so an upload that was stopped goes on; index.json comes last and is the commit point. Objects of other names are left alone. The dataset stage brings it back.',
  options,
  needs: ['dataset'],
  gives: [],
  neutral: ['parallel', 'part_mb'],
  plan: ({ to }) => [`copies OUT/dataset to ${to}`],
  async run(set, options, context) {
    const place = placeOf(options.to, options)
    if (!place.credentials)
      throw new PrepError('CREDENTIALS_MISSING', `${place.address}: no credentials to write with`, {
        hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment',
      })
    const folder = set.artefacts.dataset!.path
    const { sent, kept, bytes } = await uploadDataset(folder, new Bucket(place, context.signal), {
      parallel: options.parallel,
      partBytes: options.part_mb * MIB,
      onProgress: (done, total) => context.progress('upload MiB', Math.floor(done / MIB), Math.ceil(total / MIB)),
    })
    context.note(`${sent + 1} files sent to ${place.address} (${Math.ceil(bytes / MIB)} MiB), ${kept} were there`)
    return set
  },
})
