/** Brings every photo to one size and to 8-bit sRGB, and its labels with it. */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { parseColour } from '../images/colour.js'
import { decodeImage, MAX_PIXELS, MAX_SECONDS } from '../images/decode.js'
import { FITS, POSITIONS } from '../images/geometry.js'
import type { Json } from '../pipeline/fingerprint.js'
import { defineStage, type SampleSet, type StageContext, type TaskCall, type TaskTools } from '../pipeline/stage.js'
import { contentKey, type FileRef, type PhotoGeometry, type Sample } from '../sample.js'
import { readPaletteFile } from './palette-file.js'
import { LABEL_ORIENTATIONS, placeLabels } from './resize-labels.js'

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
  bar_label: z
    .int()
    .min(0)
    .max(255)
    .default(255)
    .describe(
      'Label id of the bars that `contain` adds; 255 commonly stands for none. Bars of drawings are `background`',
    ),
  label_orientation: z
    .enum(LABEL_ORIENTATIONS)
    .default('auto')
    .describe(
      'How labels lie beside a photo with an EXIF orientation: upright (as seen), stored (as its pixels are), auto: whichever has the shape of the photo, upright if both have',
    ),
})
type ResizeOptions = z.output<typeof options>
/** Those that the photo depends on. */
type PhotoOptions = Omit<ResizeOptions, 'bar_label' | 'label_orientation'>

/** How long one may wait changes no pixel: what was decoded under another limit is found again. */
const keyedOptions = ({ max_seconds: _, ...rest }: PhotoOptions) => rest

export const resize = defineStage({
  name: 'resize',
  version: 5,
  summary: 'Bring photos, and labels with them, to one size and to 8-bit sRGB',
  details:
    'Label ids and drawings are cropped and scaled as their photo is, but by nearest pixel: no value is ever blended. They may be at another scale than the photo, not of another shape. EXIF orientation is applied. CMYK, 16-bit, grey, palette and transparent images and colour profiles are converted; animations give their first frame. Each conversion is noted with the sample. A photo that cannot be used is left out with the reason, and never holds up the others.',
  options,
  needs: ['photo'],
  gives: ['photo'],
  tasks: {
    async resize({ photo, options }: { photo: FileRef; options: PhotoOptions }, { guard }: TaskTools) {
      const { size, fit, position, background, min_size, max_pixels, max_aspect, max_seconds, keep_damaged } = options
      const { pixels, notes, source, orientation, placement } = await guard(max_seconds, reserve =>
        decodeImage(photo.path, {
          name: 'the photo',
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
          orientation,
          placement: { ...placement },
        },
      }
    },
    place: placeLabels,
  },
  plan: ({ size, fit }) => [
    `makes ${typeof size === 'number' ? `${size}x${size}` : `${size.width}x${size.height}`} photos (${fit})`,
  ],
  sizeOf: ({ size }) => (typeof size === 'number' ? { width: size, height: size } : size),
  async run(set, options, context) {
    const { samples } = set
    const { label_orientation: _orientation, bar_label: _bars, ...photoOptions } = options
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
      return {
        sample,
        keyed: { photo: contentKey(photo), options: keyedOptions(photoOptions) },
        input: { photo: { ...photo }, options: photoOptions },
      }
    })
    const results = await context.map('resize', calls)
    const resized = samples.flatMap((sample, index): Resized[] => {
      const result = results[index]!
      if (result.status !== 'done') return []
      const { key, facts } = result
      const size = { width: Number(facts.width), height: Number(facts.height) }
      const geometry = {
        size,
        source: { width: Number(facts.sourceWidth), height: Number(facts.sourceHeight) },
        orientation: Number(facts.orientation),
        placement: facts.placement as unknown as PhotoGeometry['placement'],
      }
      const notes = facts.notes as string[]
      const photo = { kind: 'stored', key, ...size } as const
      return [{ sample: { ...sample, photo, geometry, ...(notes.length && { notes }) }, geometry }]
    })
    if (options.fit === 'contain') await checkBars(set, options)
    return { artefacts: set.artefacts, samples: await placeAll(resized, options, context) }
  },
})

/** Once classes are numbered, bars need one of them. @throws {PrepError} `OPTION_OUT_OF_RANGE` */
async function checkBars({ samples, artefacts }: SampleSet, { bar_label }: ResizeOptions): Promise<void> {
  if (!artefacts.palette || !samples.some(({ label }) => label)) return
  const { clusters } = await readPaletteFile(artefacts.palette.path)
  if (bar_label >= clusters.length)
    throw new PrepError(
      'OPTION_OUT_OF_RANGE',
      `bar_label: ${bar_label}, but the labels have ${clusters.length} classes: expected 0 to ${clusters.length - 1}`,
      { hint: 'put resize before the step that makes labels, or give the id of the class that the bars are to have' },
    )
}

interface Resized {
  readonly sample: Sample
  readonly geometry: PhotoGeometry
}

/** Labels and drawings of resized photos, where there are any. @returns the samples whose labels could be read */
async function placeAll(resized: readonly Resized[], options: ResizeOptions, context: StageContext): Promise<Sample[]> {
  const wanted = resized.flatMap(({ sample, geometry }) =>
    (['label', 'drawing'] as const).flatMap(kind => {
      const image = sample[kind]
      return image ? [{ sample, geometry, kind, image }] : []
    }),
  )
  const bars = { label: [options.bar_label, 0, 0], drawing: parseColour(options.background) }
  const results = await context.map(
    'place',
    wanted.map(({ sample, geometry, kind, image }): TaskCall => {
      const input = {
        kind,
        geometry: geometry as unknown as Json,
        labelOrientation: options.label_orientation,
        bars: [...bars[kind]],
        maxPixels: options.max_pixels,
      }
      return {
        sample,
        makes: kind,
        keyed: { image: contentKey(image), ...input },
        input: { image: { ...image }, ...input },
      }
    }),
    'resize labels',
  )
  const placed = new Map<Sample, Sample | undefined>(resized.map(({ sample }) => [sample, sample]))
  for (const [index, { sample, kind, geometry }] of wanted.entries()) {
    const result = results[index]!
    const before = placed.get(sample)
    const ref = result.status === 'done' ? ({ kind: 'stored', key: result.key, ...geometry.size } as const) : undefined
    placed.set(sample, before && ref && { ...before, [kind]: ref })
  }
  return [...placed.values()].filter(sample => sample !== undefined)
}
