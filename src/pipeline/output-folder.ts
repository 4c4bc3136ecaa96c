/** A folder of result files (coloured labels, exported pairs) that knows which key each file was made from. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { isTemporary, writeFileAtomic } from '../files.js'
import { fingerprint } from './fingerprint.js'
import type { FolderItem } from './stage.js'

const INDEX = '.index.json'

type Index = { readonly [file: string]: string }

async function readIndex(folder: string): Promise<Index> {
  try {
    return JSON.parse(await readFile(join(folder, INDEX), 'utf8')) as Index
  } catch {
    return {}
  }
}

async function listFiles(folder: string): Promise<Set<string>> {
  const files = await readdir(folder, { recursive: true }).catch(() => [])
  return new Set(files.map(file => file.split(sep).join('/')))
}

/** The items whose file is missing or was made from something else. */
export async function staleItems(folder: string, items: readonly FolderItem[]): Promise<FolderItem[]> {
  const [index, present] = await Promise.all([readIndex(folder), listFiles(folder)])
  return items.filter(({ file, key }) => !present.has(file) || index[file] !== fingerprint(key))
}

/**
 * Record what the folder now holds, and remove the files that an earlier run made and this one does not name, and what a
 * killed run left half-written.
 */
export async function settleFolder(folder: string, items: readonly FolderItem[]): Promise<void> {
  const before = await readIndex(folder)
  const index = Object.fromEntries(items.map(({ file, key }) => [file, fingerprint(key)]))
  const halfWritten = [...(await listFiles(folder))].filter(isTemporary)
  const gone = Object.keys(before).filter(file => !(file in index))
  for (const file of [...gone, ...halfWritten]) await rm(join(folder, file), { force: true })
  await writeFileAtomic(join(folder, INDEX), `${JSON.stringify(index, null, 1)}\n`)
}

/** Is every file that the folder's index names still there? */
export async function folderIsWhole(folder: string): Promise<boolean> {
  const index = Object.keys(await readIndex(folder))
  const present = await listFiles(folder)
  return present.has(INDEX) && index.every(file => present.has(file))
}
