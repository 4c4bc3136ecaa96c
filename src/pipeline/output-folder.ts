/** A folder of result files (coloured labels, exported pairs) that knows which key each file was made from. */
import { readdir, readFile, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { isTemporary, writeFileAtomic } from '../files.js'
import { fingerprint } from './fingerprint.js'
import type { FolderItem } from './stage.js'

const INDEX = '.index.json'

interface Index {
  /** false while files are being made: those that `files` does not name may be of any age. */
  readonly complete: boolean
  /** The key that each file was made from. */
  readonly files: { readonly [file: string]: string }
}

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
 * The files that are missing or were made from something else. They are struck from the folder's index first, so that
 * a run that is killed while it makes them leaves no new file under an old key.
 *
 * @param all  take every file for stale
 */
export async function openFolder(folder: string, items: readonly Named[], all: boolean): Promise<Set<string>> {
  const [{ files, complete }, present] = await Promise.all([readIndex(folder), listFiles(folder)])
  const stale = new Set<string>()
  for (const { file, key } of items) if (all || !present.has(file) || files[file] !== fingerprint(key)) stale.add(file)
  const kept = Object.entries(files).filter(([file]) => !stale.has(file))
  if (stale.size && (complete || kept.length < Object.keys(files).length))
    await writeIndex(folder, { complete: false, files: Object.fromEntries(kept) })
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
