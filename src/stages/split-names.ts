/** The words that folders, file names and lists use for splits. */
import { basename, dirname } from 'node:path'
import type { Split } from '../sample.js'

const WORDS: ReadonlyMap<string, Split> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'val'],
  ['valid', 'val'],
  ['validation', 'val'],
  ['dev', 'val'],
  ['test', 'test'],
  ['testing', 'test'],
  ['t10k', 'test'],
] as const)

export const SPLIT_WORDS = [...WORDS.keys()]

export const splitOfWord = (word: string): Split | undefined => WORDS.get(word.trim().toLowerCase())

/** From a word of the file's name, else from its folder: `val-000.tar`, `coco_val_2.tfrecord`, `validation/000.tar`. */
export function splitOfPath(path: string): Split | undefined {
  const words = basename(path).split(/[-_.]/)
  return [...words, basename(dirname(path))].map(splitOfWord).find(split => split !== undefined)
}

/**
 * Splits by file names, where they tell files apart: when all files name the same one (people fetch the training part
 * alone), it says nothing about what to hold out.
 */
export function splitsOfPaths(paths: readonly string[]): (path: string) => Split | undefined {
  const found = new Set(paths.map(splitOfPath))
  found.delete(undefined)
  return found.size > 1 ? splitOfPath : () => undefined
}
