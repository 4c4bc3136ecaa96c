/** Reading glob patterns: what is fixed in them, and which folders are never meant. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import fastGlob from 'fast-glob'

const MAGIC = /[*?[\]{}!()+@]/

/** The leading parts of a pattern that are folders on disk by that very name, whatever characters they have. */
function existingParts(parts: readonly string[]): number {
  let count = 0
  while (count < parts.length - 1) {
    const path = parts.slice(0, count + 1).join('/') || '/'
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) break
    count += 1
  }
  return count
}

/** A folder that exists is taken at its word: `photos (2024)/*.jpg` means that folder, not a pattern. */
export function takeFoldersLiterally(pattern: string): string {
  const parts = pattern.split('/')
  const literal = existingParts(parts)
  const head = parts.slice(0, literal).map(part => (MAGIC.test(part) ? fastGlob.escapePath(part) : part))
  return [...head, ...parts.slice(literal)].join('/')
}

/** The longest leading folder of a pattern without magic characters, or one that exists by that very name. */
export function staticBase(pattern: string): string {
  const parts = pattern.split('/')
  const magic = parts.findIndex(part => MAGIC.test(part))
  const fixed = Math.max(existingParts(parts), magic < 0 ? parts.length - 1 : magic)
  return parts.slice(0, fixed).join('/') || (pattern.startsWith('/') ? '/' : '.')
}

export const isInside = (path: string, folder: string): boolean => `${resolve(path)}/`.startsWith(`${resolve(folder)}/`)

/**
 * Knows what lies in outputs of pipelines: label maps and exported pairs are no photos. An output that a pattern names
 * outright is meant, though.
 */
export class OutputFinder {
  readonly #own: string
  readonly #bases: readonly string[]
  readonly #known = new Map<string, boolean>()

  /** @param bases  fixed folders of the patterns */
  constructor(own: string, bases: readonly string[]) {
    this.#own = resolve(own)
    this.#bases = bases
  }

  holds(path: string): boolean {
    return this.#isOutput(dirname(resolve(path)))
  }

  #isOutput(folder: string): boolean {
    const known = this.#known.get(folder)
    if (known !== undefined) return known
    const parent = dirname(folder)
    const own = folder === this.#own
    const other = madeByPrep(folder) && !this.#bases.some(base => isInside(base, folder))
    const answer = own || other || (parent !== folder && this.#isOutput(parent))
    this.#known.set(folder, answer)
    return answer
  }
}

function madeByPrep(folder: string): boolean {
  const file = join(folder, 'pipeline.json')
  if (!existsSync(file)) return false
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { madeBy?: string }).madeBy === 'prep'
  } catch {
    return false
  }
}
