/** A folder of result files (coloured labels, exported pairs) that knows which key each file was made from. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { isTemporary, writeFileAtomic } from '../files.js'
import { fingerprint } from './fingerprint.js'
import type { FolderItem } from './stage.js'

const INDEX = '.index.json'

interface Index {
  /** false while files are being made. */
  readonly complete: boolean
  /** The key that each file was made from; NO_KEY where it may be of any age, or absent. */
  readonly files: { readonly [file: string]: string }
}

/** Fits no fingerprint. A file under it is still the folder's own, to be removed should no result name it. */
const NO_KEY = ''

type Named = Pick<FolderItem, 'file' | 'key'>

async function readIndex(folder: string): Promise<Index> {
  try {
    const index = JSON.parse(await readFile(join(folder, INDEX), 'utf8')) as Partial<Index>
    return { complete: index.complete === true, files: index.files ?? {} }
  } catch {
    return { complete: false, files: {} }
  }
}

const writeIndex = (folder: string, index: Index): Promise<void> =>
  writeFileAtomic(join(folder, INDEX), `${JSON.stringify(index, null, 1)}\n`)

async function listFiles(folder: string): Promise<Set<string>> {
  const files = await readdir(folder, { recursive: true }).catch(() => [])
  return new Set(files.map(file => file.split(sep).join('/')))
}

/**
 * The files that are missing or were made from something else. They lose their key in the folder's index first, so
 * that a run that is killed while it makes them leaves no new file under an old key.
 *
 * @param all  take every file for stale
 */
export async function openFolder(folder: string, items: readonly Named[], all: boolean): Promise<Set<string>> {
  const [{ files, complete }, present] = await Promise.all([readIndex(folder), listFiles(folder)])
  const stale = new Set<string>()
  for (const { file, key } of items) if (all || !present.has(file) || files[file] !== fingerprint(key)) stale.add(file)
  const struck = [...stale].filter(file => files[file] !== NO_KEY)
  if (stale.size && (complete || struck.length)) {
    const marks = struck.map(file => [file, NO_KEY])
    await writeIndex(folder, { complete: false, files: { ...files, ...Object.fromEntries(marks) } })
  }
  return stale
}

/**
 * Record what the folder now holds, and remove the files that an earlier run made and this one does not name, and what a
 * killed run left half-written.
 */
export async function settleFolder(folder: string, items: readonly Named[]): Promise<void> {
  const before = await readIndex(folder)
  const files = Object.fromEntries(items.map(({ file, key }) => [file, fingerprint(key)]))
  const halfWritten = [...(await listFiles(folder))].filter(isTemporary)
  const gone = Object.keys(before.files).filter(file => !(file in files))
  for (const file of [...gone, ...halfWritten]) await rm(join(folder, file), { force: true })
  await writeIndex(folder, { complete: true, files })
}

/** Is every file that the folder's index names still there? */
export async function folderIsWhole(folder: string): Promise<boolean> {
  const { complete, files } = await readIndex(folder)
  const present = await listFiles(folder)
  return complete && Object.keys(files).every(file => present.has(file))
}
