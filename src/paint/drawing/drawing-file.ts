/**
 * Drawings as files and links: a small JSON object whose ids are deflated and in base64url. The same text is the end of
 * a share link. Which palette the ids are of is said by its hash, and shown by the names of the classes.
 */
import type { Drawing } from './drawing.js'

export const DRAWING_FORMAT = 'prep-drawing/1'
/** What browsers, chats and mail pass on of a link without cutting it. */
export const LINK_CHARACTERS = 8000
/** 4096 x 4096: what is larger is a mistake or an attack. */
const MAX_PIXELS = 2 ** 24

export interface DrawingFile {
  readonly drawing: Drawing
  /** The hash of the palette that the ids are of. */
  readonly palette: string
}

/** What is wrong with a file that is no drawing, in words for people. */
export class DrawingError extends Error {
  override readonly name = 'DrawingError'
}

export async function formatDrawing({ drawing, palette }: DrawingFile): Promise<string> {
  const { width, height, ids } = drawing
  return `${JSON.stringify({ format: DRAWING_FORMAT, width, height, palette, ids: await packIds(ids) })}\n`
}

/** @param classes  how many ids there are @throws {DrawingError} */
export async function parseDrawing(text: string, classes: number): Promise<DrawingFile> {
  let json: Partial<Record<string, unknown>>
  try {
    json = JSON.parse(text) as typeof json
  } catch {
    throw new DrawingError('This is not a drawing: it is not JSON.')
  }
  if (json?.format !== DRAWING_FORMAT) throw new DrawingError(`This is not a drawing of the format ${DRAWING_FORMAT}.`)
  const { width, height, palette, ids } = json
  if (!isSide(width) || !isSide(height) || width * height > MAX_PIXELS || typeof ids !== 'string')
    throw new DrawingError('The drawing is damaged: its size or ids are missing.')
  const drawing = { width, height, ids: await unpackIds(ids, width * height) }
  const highest = drawing.ids.reduce((top, id) => Math.max(top, id), 0)
  if (highest >= classes)
    throw new DrawingError(`The drawing has class ${highest}, and here are ${classes}: it was made for another model.`)
  return { drawing, palette: typeof palette === 'string' ? palette : '' }
}

const isSide = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0

/** The fragment of a link, or undefined when it would be too long to be passed on. */
export async function formatFragment({ drawing, palette }: DrawingFile): Promise<string | undefined> {
  const { width, height, ids } = drawing
  const fragment = `d=${width}x${height}.${palette.slice(0, 12)}.${await packIds(ids)}`
  return fragment.length <= LINK_CHARACTERS ? fragment : undefined
}

/** @returns undefined when the fragment holds no drawing @throws {DrawingError} */
export async function parseFragment(fragment: string, classes: number): Promise<DrawingFile | undefined> {
  const found = /^#?d=(\d{1,4})x(\d{1,4})\.([0-9a-f]*)\.([\w-]+)$/.exec(fragment)
  if (!found) return undefined
  const [, width, height, palette, ids] = found
  const json = { format: DRAWING_FORMAT, width: Number(width), height: Number(height), palette, ids }
  return parseDrawing(JSON.stringify(json), classes)
}

async function packIds(ids: Uint8Array): Promise<string> {
  const bytes = await through(ids, new CompressionStream('deflate-raw'))
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

async function unpackIds(text: string, length: number): Promise<Uint8Array> {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(binary, character => character.charCodeAt(0))
    return await through(bytes, new DecompressionStream('deflate-raw'), length)
  } catch {
    throw new DrawingError('The drawing is damaged: its ids are cut or changed.')
  }
}

/** @param length  what has to come out; more is not unpacked */
async function through(
  bytes: Uint8Array,
  stream: {
    readonly readable: ReadableStream<Uint8Array>
    readonly writable: WritableStream<Uint8Array<ArrayBuffer> | ArrayBuffer | DataView<ArrayBuffer>>
  },
  length?: number,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  // a failure of the writer is one of the reader as well
  const written = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close())
  written.catch(() => {})
  const chunks: Uint8Array[] = []
  let total = 0
  const reader = stream.readable.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    total += value.length
    if (length !== undefined && total > length) throw new RangeError('longer than its size says')
    chunks.push(value)
  }
  if (length !== undefined && total !== length) throw new RangeError('shorter than its size says')
  const out = new Uint8Array(total)
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
