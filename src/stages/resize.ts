/** Brings every photo to one size and to 8-bit sRGB. */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { parseColour } from '../images/colour.js'
import { decodeImage, MAX_PIXELS } from '../images/decode.js'
import { FITS, POSITIONS } from '../images/geometry.js'
import { defineStage } from '../pipeline/stage.js'
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
})
type ResizeOptions = z.output<typeof options>

export const resize = defineStage({
  name: 'resize',
  version: 1,
  summary: 'Bring photos to one size and to 8-bit sRGB',
  details:
    'EXIF orientation is applied. CMYK, 16-bit, grey, palette and transparent images and colour profiles are converted; animations give their first frame. Each conversion is noted with the sample.',
  options,
  needs: ['photo'],
  gives: ['photo'],
  tasks: {
    async resize({ photo, options }: { photo: FileRef; options: ResizeOptions }) {
      const { size, fit, position, background, min_size, max_pixels } = options
      const { pixels, notes, source } = await decodeImage(photo.path, {
        range: photo.range,
        half: photo.half,
        size: typeof size === 'number' ? { width: size, height: size } : size,
        fit,
        position,
        background: parseColour(background),
        minSize: min_size,
        maxPixels: max_pixels,
      })
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
        keyed: { photo: sha256, ...(half && { half }), options },
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
