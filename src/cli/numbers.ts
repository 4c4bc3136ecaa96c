/** Numbers as options of the command line give them. */
import { InvalidArgumentError } from 'commander'
import type { Size } from '../trainer/augment.js'

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number of 1 or more')
  return value
}

export function wholeOrZero(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('expected a whole number of 0 or more')
  return value
}

/** 256, 512x256 */
export function sizeOf(text: string): Size {
  const [, width, height = width] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? []
  if (width === undefined) throw new InvalidArgumentError('expected pixels, as 256 or 512x256')
  return { width: Number(width), height: Number(height) }
}
