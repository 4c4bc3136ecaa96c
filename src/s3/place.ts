/** Where a bucket is and who asks: the address from options, secrets from the usual environment variables alone. */
import { z } from 'zod'
import { PrepError } from '../errors.js'

export const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/

/** Options that the stages share which talk to a bucket. */
export const bucketOptions = {
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Address of an S3-compatible server, such as http://localhost:9000 (default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or Amazon’s own)',
    ),
  region: z.string().min(1).optional().describe('Region (default: AWS_REGION, AWS_DEFAULT_REGION, or us-east-1)'),
  parallel: z.int().min(1).max(64).default(4).describe('Files under way at a time'),
}

export interface BucketOptions {
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
}

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface Place {
  /** URL of the bucket, ending in a slash. */
  readonly bucket: URL
  /** As in `s3://bucket/prefix`, for messages. */
  readonly address: string
  /** Before every key: empty, or ending in a slash. */
  readonly prefix: string
  readonly region: string
  readonly credentials: Credentials | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * @param address  `s3://bucket/prefix`
 * @throws {PrepError} `USAGE` for another address
 */
export function placeOf(address: string, options: BucketOptions, environment: Environment = process.env): Place {
  const [, bucket, path = ''] = ADDRESS.exec(address) ?? []
  if (!bucket) throw new PrepError('USAGE', `expected s3://BUCKET/PREFIX, found ${address}`)
  const given = (...names: string[]): string | undefined => names.map(name => environment[name]).find(Boolean)
  const region = options.region ?? given('AWS_REGION', 'AWS_DEFAULT_REGION') ?? 'us-east-1'
  const endpoint = options.endpoint ?? given('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL')
  const prefix = path.replace(/^\/+|\/+$/g, '')
  return {
    // Servers of one's own have no name for each bucket; Amazon wants one.
    bucket: new URL(
      endpoint ? `${endpoint.replace(/\/+$/, '')}/${bucket}/` : `https://${bucket}.s3.${region}.amazonaws.com/`,
    ),
    address: `s3://${bucket}${prefix && `/${prefix}`}`,
    prefix: prefix && `${prefix}/`,
    region,
    credentials: credentialsOf(environment),
  }
}

function credentialsOf(environment: Environment): Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment
  const sessionToken = environment.AWS_SESSION_TOKEN
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}
