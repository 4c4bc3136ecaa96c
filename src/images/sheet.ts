/** Pictures for people: grids of cells with headings, to see at a glance what a run made. */
import sharp from 'sharp'
import type { Pixels } from '../sample.js'
import { type Size, sizeWithin } from './geometry.js'
import { fitText, type Lettering, letterSvg } from './lettering.js'

const BACKGROUND = [250, 250, 248] as const
const INK = '#2b2d31'
const FAINT = '#7d8087'
const MARGIN = 20
const GAP = 8
const CAPTION_CAP = 8
/** Higher levels take longer than they save. */
const PNG_OPTIONS = { compressionLevel: 3, adaptiveFiltering: true } as const
const CAPTION_LINE = 14
/** Under a picture, with so many lines of caption. */
const captionHeight = (lines: number): number => 8 + CAPTION_LINE * lines
const HEADER_CAP = 9
const HEADER_HEIGHT = 22
const TITLE_CAP = 13
const TITLE_HEIGHT = 38

export interface SheetRow {
  /** Shown left to right; 3 channels (label maps: see `colourise`). */
  readonly cells: readonly Pixels[]
  readonly caption?: string | undefined
}

export interface Sheet {
  /** Headings, one for each column. */
  readonly columns: readonly string[]
  readonly rows: readonly SheetRow[]
  /** Width of a cell in px, 256 when absent; its height follows from the tallest cell. */
  readonly cellPx?: number | undefined
  readonly title?: string | undefined
}

/**
 * A table of pictures: a heading over each column, an optional caption under each row.
 *
 * @returns PNG bytes; the same input gives the same bytes
 */
export async function drawSheet({ columns, rows, cellPx = 256, title }: Sheet): Promise<Uint8Array> {
  const { width, height, box, lefts, tops } = arrange({ columns, rows, cellPx, title })
  const texts = columns.map((text, column) =>
    heading(fitText(text, HEADER_CAP, box.width), lefts[column]!, gridTop({ columns, title }) - 10),
  )
  const pictures: Picture[] = []
  for (const [index, row] of rows.entries()) {
    const y = tops[index]!
    pictures.push(...row.cells.map((pixels, column) => ({ pixels, box, x: lefts[column]!, y })))
    if (row.caption) texts.push(caption(fitText(row.caption, CAPTION_CAP, width - 2 * MARGIN), MARGIN, y + box.height))
  }
  return paint({ width, height }, pictures, withTitle(texts, title, width))
}

/** A sheet as far as its layout goes: sizes stand for pictures. */
export interface SheetPlan extends Omit<Sheet, 'rows'> {
  readonly rows: readonly { readonly cells: readonly Size[]; readonly caption?: string | undefined }[]
}

/** Where the pictures of a sheet lie, in px. */
export interface SheetLayout extends Size {
  readonly cellPx: number
  /** By row and column. */
  readonly places: readonly (readonly Place[])[]
}

export interface Place extends Size {
  readonly x: number
  readonly y: number
}

/** The layout that `drawSheet` gives a sheet, for cutting its pictures out again. */
export function layoutSheet(plan: SheetPlan): SheetLayout {
  const { width, height, box, lefts, tops } = arrange(plan)
  const places = plan.rows.map(({ cells }, row) =>
    cells.map((cell, column) => centred(sizeWithin(cell, box), box, lefts[column]!, tops[row]!)),
  )
  return { width, height, cellPx: box.width, places }
}

/** The box of a cell, the left ends of columns and the tops of rows. */
function arrange({ columns, rows, cellPx = 256, title }: SheetPlan) {
  const box = boxFor(
    rows.flatMap(row => row.cells),
    cellPx,
  )
  const columnCount = Math.max(columns.length, ...rows.map(row => row.cells.length), 1)
  const lefts = Array.from({ length: columnCount }, (_, column) => MARGIN + column * (box.width + GAP))
  let y = gridTop({ columns, title })
  const tops = rows.map(row => {
    const top = y
    y += box.height + (row.caption ? captionHeight(1) : GAP)
    return top
  })
  return { width: lefts.at(-1)! + box.width + MARGIN, height: y + MARGIN - GAP, box, lefts, tops }
}

const gridTop = ({ columns, title }: Pick<Sheet, 'columns' | 'title'>): number =>
  MARGIN + (title ? TITLE_HEIGHT : 0) + (columns.some(heading => heading !== '') ? HEADER_HEIGHT : 0)

export interface ContactPair {
  /** 3 channels. */
  readonly photo: Pixels
  /** The label map in colours, 3 channels. */
  readonly label: Pixels
  /** A third picture, such as both in one; 3 channels. */
  readonly overlay?: Pixels | undefined
  /** One line, or several. */
  readonly caption?: string | readonly string[] | undefined
}

export interface ContactSheet {
  readonly pairs: readonly ContactPair[]
  /** Pairs in a row; absent: what makes the sheet about as wide as it is high. */
  readonly columns?: number | undefined
  /** Width of a photo in px, 160 when absent. */
  readonly cellPx?: number | undefined
  readonly title?: string | undefined
}

/**
 * Many samples on one page, each as photo | labels, or photo | labels | overlay.
 *
 * @returns PNG bytes; the same input gives the same bytes
 */
export async function drawContactSheet({ pairs, columns, cellPx = 160, title }: ContactSheet): Promise<Uint8Array> {
  const cells = pairs.map(({ photo, label, overlay }) => [photo, label, ...(overlay ? [overlay] : [])])
  const captions = pairs.map(({ caption = [] }) => (typeof caption === 'string' ? [caption] : caption))
  const box = boxFor(cells.flat(), cellPx)
  const abreast = Math.max(...cells.map(({ length }) => length), 2)
  const pairWidth = abreast * (box.width + 2) - 2
  const lines = Math.max(...captions.map(({ length }) => length), 0)
  const rowHeight = box.height + (lines ? captionHeight(lines) : GAP)
  const square = Math.round(Math.sqrt((pairs.length * rowHeight) / (pairWidth + 2 * GAP)))
  const perRow = Math.max(1, Math.min(columns ?? square, pairs.length))
  const top = MARGIN + (title ? TITLE_HEIGHT : 0)
  const width = 2 * MARGIN + perRow * (pairWidth + 2 * GAP) - 2 * GAP
  const height = top + Math.ceil(pairs.length / perRow) * rowHeight + MARGIN - GAP

  const pictures: Picture[] = []
  const texts: Lettering[] = []
  for (const [index, abreast] of cells.entries()) {
    const x = MARGIN + (index % perRow) * (pairWidth + 2 * GAP)
    const y = top + Math.floor(index / perRow) * rowHeight
    pictures.push(...abreast.map((pixels, column) => ({ pixels, box, x: x + column * (box.width + 2), y })))
    for (const [line, text] of captions[index]!.entries())
      texts.push(caption(fitText(text, CAPTION_CAP, pairWidth), x, y + box.height + line * CAPTION_LINE))
  }
  return paint({ width, height }, pictures, withTitle(texts, title, width))
}

const heading = (text: string, x: number, baseline: number): Lettering => ({
  text,
  x: x + 1,
  baseline,
  capPx: HEADER_CAP,
  colour: INK,
})

const caption = (text: string, x: number, above: number): Lettering => ({
  text,
  x: x + 1,
  baseline: above + CAPTION_CAP + 5,
  capPx: CAPTION_CAP,
  colour: FAINT,
})

const withTitle = (texts: Lettering[], title: string | undefined, width: number): Lettering[] =>
  title
    ? [
        {
          text: fitText(title, TITLE_CAP, width - 2 * MARGIN),
          x: MARGIN + 1,
          baseline: MARGIN + TITLE_CAP,
          capPx: TITLE_CAP,
          colour: INK,
          bold: true,
        },
        ...texts,
      ]
    : texts

/** The box that holds every cell at full width; very tall cells are shown smaller instead. */
function boxFor(cells: readonly Size[], width: number): Size {
  const tallest = Math.max(...cells.map(cell => cell.height / cell.width), cells.length === 0 ? 1 : 0)
  return { width, height: Math.max(1, Math.round(width * Math.min(tallest, 2))) }
}

interface Picture {
  readonly pixels: Pixels
  readonly box: Size
  readonly x: number
  readonly y: number
}

async function paint({ width, height }: Size, pictures: readonly Picture[], texts: readonly Lettering[]) {
  const canvas = Buffer.alloc(3 * width * height, Uint8Array.from(BACKGROUND))
  const cells = await Promise.all(pictures.map(({ pixels, box }) => scaleToBox(pixels, box)))
  for (const [i, { box, x, y }] of pictures.entries()) {
    const cell = cells[i]!
    const place = centred(cell, box, x, y)
    for (let row = 0; row < cell.height; row += 1) {
      const line = cell.data.subarray(3 * row * cell.width, 3 * (row + 1) * cell.width)
      canvas.set(line, 3 * ((place.y + row) * width + place.x))
    }
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.map(letterSvg).join('')}</svg>`
  return sharp(canvas, { raw: { width, height, channels: 3 } })
    .composite(texts.length > 0 ? [{ input: Buffer.from(svg) }] : [])
    .png(PNG_OPTIONS)
    .toBuffer()
}

/** @param x, y  left and top of the box */
const centred = (size: Size, box: Size, x: number, y: number): Place => ({
  width: size.width,
  height: size.height,
  x: x + ((box.width - size.width) >> 1),
  y: y + ((box.height - size.height) >> 1),
})

/** Small pictures grow by whole factors with hard edges, so that pixels stay pixels; all else is resampled. */
async function scaleToBox({ data, width, height, channels }: Pixels, box: Size): Promise<Pixels> {
  if (channels !== 3) throw new RangeError('a sheet shows pictures of 3 channels')
  const size = sizeWithin({ width, height }, box)
  if (size.width === width && size.height === height) return { data, width, height, channels }
  const pixelated = size.width % width === 0 && size.height % height === 0
  const bytes = await sharp(data, { raw: { width, height, channels } })
    .resize({ ...size, fit: 'fill', kernel: pixelated ? 'nearest' : 'lanczos3' })
    .raw()
    .toBuffer()
  return { data: bytes, ...size, channels }
}
