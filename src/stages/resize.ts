/** Brings every photo to one size and to 8-bit sRGB. */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { parseColour } from '../images/colour.js'
import { decodeImage, MAX_PIXELS, MAX_SECONDS } from '../images/decode.js'
import { FITS, POSITIONS } from '../images/geometry.js'
import { defineStage, type TaskTools } from '../pipeline/stage.js'
import type { FileRef, Sample } from '../sample.js'

const side = z.int().min(8).max(8192)

const options = z.strictObject({
  size: z
    .union([side, z.strictObject({ width: side, height: side })])
    .default(512)
    .describe('Pixels: one number for a square, or {width, height}'),
  fit: z
    .enum(FITS)
    .default('cover')
    .describe('cover cuts off what does not fit, contain adds bars of `background`, fill stretches'),
  position: z
    .enum(POSITIONS)
    .default('centre')
    .describe('Which part `cover` keeps; entropy and attention look for the busiest part'),
  background: z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/)
    .default('#000000')
    .describe('Colour of bars and behind transparency, #rrggbb'),
  min_size: z.int().min(1).default(1).describe('Leave out photos whose shorter side has fewer pixels than this'),
  max_pixels: z.int().min(1).default(MAX_PIXELS).describe('Leave out photos with more pixels than this'),
  max_aspect: z
    .number()
    .min(1)
    .optional()
    .describe('Leave out photos whose longer side is more than this many times the shorter; 2 still takes 2:1'),
  max_seconds: z
    .number()
    .min(1)
    .max(3600)
    .default(MAX_SECONDS)
    .describe('Leave out photos that take longer to decode; such a photo is tried again whenever the step runs'),
  keep_damaged: z
    .boolean()
    .default(false)
    .describe(
      'Use truncated and damaged photos as far as they can be decoded, noted as `damaged`; less than a tenth is not enough',
    ),
})
type ResizeOptions = z.output<typeof options>

/** How long one may wait changes no pixel: what was decoded under another limit is found again. */
const keyedOptions = ({ max_seconds: _, ...rest }: ResizeOptions) => rest

export const resize = defineStage({
  name: 'resize',
  version: 1,
  summary: 'Bring photos to one size and to 8-bit sRGB',
  details:
    'EXIF orientation is applied. CMYK, 16-bit, grey, palette and transparent images and colour profiles are converted; animations give their first frame. Each conversion is noted with the sample. A photo that cannot be used is left out with the reason, and never holds up the others.',
  options,
  needs: ['photo'],
  gives: ['photo'],
  tasks: {
    async resize({ photo, options }: { photo: FileRef; options: ResizeOptions }, { guard }: TaskTools) {
      const { size, fit, position, background, min_size, max_pixels, max_aspect, max_seconds, keep_damaged } = options
      const { pixels, notes, source } = await guard(max_seconds, reserve =>
        decodeImage(photo.path, {
          range: photo.range,
          half: photo.half,
          size: typeof size === 'number' ? { width: size, height: size } : size,
          fit,
          position,
          background: parseColour(background),
          minSize: min_size,
          maxPixels: max_pixels,
          maxAspect: max_aspect,
          keepDamaged: keep_damaged,
          reserve,
        }),
      )
      return {
        image: pixels,
        facts: {
          notes,
          width: pixels.width,
          height: pixels.height,
          sourceWidth: source.width,
          sourceHeight: source.height,
        },
      }
    },
  },
  plan: ({ size, fit }) => [
    `makes ${typeof size === 'number' ? `${size}x${size}` : `${size.width}x${size.height}`} photos (${fit})`,
  ],
  sizeOf: ({ size }) => (typeof size === 'number' ? { width: size, height: size } : size),
  async run({ samples, artefacts }, options, context) {
    const calls = samples.map(sample => {
      const { photo } = sample
      if (photo?.kind !== 'file')
        throw new PrepError(
          'STAGE_INPUT_MISSING',
          'resize takes photos from files: it cannot resize them a second time',
          {
            hint: 'keep one resize step',
          },
        )
      const { sha256, half } = photo
      return {
        sample,
        keyed: { photo: sha256, ...(half && { half }), options: keyedOptions(options) },
        input: { photo: { ...photo }, options },
      }
    })
    const results = await context.map('resize', calls)
    return {
      artefacts,
      samples: samples.flatMap((sample, index): Sample[] => {
        const result = results[index]!
        if (result.status !== 'done') return []
        const { key, facts } = result
        const photo = { kind: 'stored', key, width: Number(facts.width), height: Number(facts.height) } as const
        const notes = facts.notes as string[]
        return [{ ...sample, photo, ...(notes.length && { notes }) }]
      }),
    }
  },
})
