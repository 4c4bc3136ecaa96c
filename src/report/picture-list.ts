/** The pictures that a report refers to by short names of its own, so that no path becomes part of the page. */
import type { PictureSource } from './facts.js'

export class PictureList {
  readonly sources: PictureSource[] = []

  /** @returns the picture's name */
  add(from: string | Uint8Array, maxWidthPx: number, { series = false } = {}): string {
    const name = `picture-${this.sources.length + 1}`
    this.sources.push({ name, from, series, maxWidthPx })
    return name
  }
}
