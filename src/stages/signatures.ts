/** Signatures of the photos of a set, made in worker processes and kept: what split and dedupe compare. */
import { z } from 'zod'
import { type Alike, findAlike, type SearchOptions } from '../duplicates/alike-pairs.js'
import { signatureOf } from '../duplicates/signature.js'
import { DEFAULT_THRESHOLD, MAX_THRESHOLD, SignatureSet } from '../duplicates/signature-set.js'
import { decodeImage, MAX_PIXELS, MAX_SECONDS } from '../images/decode.js'
import type { Json } from '../pipeline/fingerprint.js'
import type { Ahead, StageContext, TaskCall, TaskOutput, TaskTools } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'

/** Option of every stage that compares photos. */
export const thresholdOption = z
  .int()
  .min(0)
  .max(MAX_THRESHOLD)
  .default(DEFAULT_THRESHOLD)
  .describe('Bits of 64 in which the hashes of near-duplicates may differ; docs/splits.md says what each value finds')

/** Photos in files are decoded at this size, which lets JPEGs be shrunk while they are loaded. */
const DECODED = { width: 64, height: 64 }

/** Stages that compare photos sign each once between them. */
export const signatureShared = { signature: 1 } as const

/** Signing while the photo is at hand. @param wanted  do these options compare photos? */
export const signAhead = <O>(wanted: (options: O) => boolean): Ahead<O> => ({
  task: () => 'signature',
  wanted: options => (wanted(options) ? 'photo' : undefined),
  call: signatureCall,
})

/** The task `signature` of a stage that compares photos. */
export async function signatureTask({ photo }: { photo: ImageRef }, { load, guard }: TaskTools): Promise<TaskOutput> {
  if (photo.kind === 'stored') return { facts: { signature: encode(signatureOf(await load(photo))) } }
  const { path, range, half } = photo
  const { pixels, source } = await guard(MAX_SECONDS, reserve =>
    decodeImage(path, {
      ...{ name: 'the photo', range, half, size: DECODED, maxPixels: MAX_PIXELS, reserve },
      ...{ fit: 'fill', position: 'centre', background: [0, 0, 0] },
    }),
  )
  return { facts: { signature: encode(signatureOf(pixels)), pixels: source.width * source.height } }
}

const encode = (signature: Uint8Array): string => Buffer.from(signature).toString('base64')

export interface Signed {
  /** Those whose photo could be decoded, in order. */
  readonly samples: readonly Sample[]
  readonly signatures: SignatureSet
  /** Pixels of each photo. */
  readonly pixels: readonly number[]
}

/** Sign each photo by the stage's task `signature`; photos that cannot be decoded are left out and counted. */
export async function signSamples(all: readonly Sample[], context: StageContext): Promise<Signed> {
  const calls = all.map(sample => ({ sample, ...signatureCall(sample.photo!) }))
  const results = await context.map('signature', calls, 'compare photos')
  const done = results.flatMap((result, i) => (result.status === 'done' ? [{ sample: all[i]!, ...result.facts }] : []))
  const signatures = new SignatureSet(done.length)
  for (const [i, { signature }] of (done as { signature?: Json }[]).entries())
    signatures.set(i, Buffer.from(String(signature), 'base64'))
  return {
    samples: done.map(({ sample }) => sample),
    signatures,
    pixels: done.map(({ sample: { photo }, ...facts }) =>
      photo?.kind === 'stored' ? photo.width * photo.height : Number((facts as { pixels?: Json }).pixels),
    ),
  }
}

/** The call that signs a photo, as it is made by this step and ahead of it. */
function signatureCall(photo: ImageRef): Pick<TaskCall, 'keyed' | 'input'> {
  return { keyed: { photo: contentKey(photo) }, input: { photo: { ...photo } } }
}

/** `findAlike` with the stage's progress and interruption. */
export function findAlikeSamples(
  { signatures }: Signed,
  threshold: number,
  context: StageContext,
  visit: Parameters<typeof findAlike>[2],
  settled?: Parameters<typeof findAlike>[3],
): Promise<Alike> {
  return findAlike(signatures, searchOptions(threshold, context), visit, settled)
}

export const searchOptions = (threshold: number, context: StageContext): SearchOptions => ({
  threshold,
  signal: context.signal,
  onProgress: share => context.progress('find near-duplicates', Math.round(share * 100), 100),
})
