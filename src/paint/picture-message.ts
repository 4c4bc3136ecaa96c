/**
 * What goes over the socket. A request is its number (u32, little endian) and the ids of the whole drawing; an answer is the
 * number, milliseconds in the server and of computing (f32), width and height (u16), and RGB bytes. All else is JSON.
 */
import type { Pixels } from '../sample.js'

const ANSWER_HEADER = 16

export type PictureRequest =
  | { readonly number: number; readonly ids: Uint8Array }
  | { readonly number?: number; readonly problem: string; readonly code: string }

export function readRequest(
  data: Uint8Array,
  isBinary: boolean,
  { width, height, classes }: { width: number; height: number; classes: number },
): PictureRequest {
  if (!isBinary || data.length !== 4 + width * height)
    return { problem: `expected 4 + ${width * height} bytes, found ${isBinary ? data.length : 'text'}`, code: 'USAGE' }
  const number = new DataView(data.buffer, data.byteOffset).getUint32(0, true)
  const ids = new Uint8Array(data.subarray(4))
  const high = ids.find(id => id >= classes)
  if (high !== undefined) return { number, problem: `expected ids below ${classes}, found ${high}`, code: 'USAGE' }
  return { number, ids }
}

export function answerPicture(
  number: number,
  { pixels, computeMs }: { readonly pixels: Pixels; readonly computeMs: number },
  serverMs: number,
): Uint8Array {
  const answer = new Uint8Array(ANSWER_HEADER + pixels.data.length)
  const header = new DataView(answer.buffer)
  header.setUint32(0, number, true)
  header.setFloat32(4, serverMs, true)
  header.setFloat32(8, computeMs, true)
  header.setUint16(12, pixels.width, true)
  header.setUint16(14, pixels.height, true)
  answer.set(pixels.data, ANSWER_HEADER)
  return answer
}

export interface Picture {
  readonly number: number
  readonly serverMs: number
  readonly computeMs: number
  readonly width: number
  readonly height: number
  /** RGB, length 3 * width * height. */
  readonly rgb: Uint8Array
}

export function readPicture(answer: ArrayBuffer): Picture {
  const header = new DataView(answer)
  return {
    number: header.getUint32(0, true),
    serverMs: header.getFloat32(4, true),
    computeMs: header.getFloat32(8, true),
    width: header.getUint16(12, true),
    height: header.getUint16(14, true),
    rgb: new Uint8Array(answer, ANSWER_HEADER),
  }
}
