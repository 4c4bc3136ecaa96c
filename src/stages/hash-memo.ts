/** Remembers the sha256 of files that have not changed since (path, size, time, inode), so that reruns read no photo. */
import { lstatSync, type Stats, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../errors.js'
import { writeFileAtomic } from '../files.js'

interface Seen {
  /** Size, modification time and inode. */
  readonly stamp: string
  readonly sha256: string
}

/** A file touched so shortly before it was read may change again within the clock's grain: it is not remembered. */
const SETTLED_MS = 2000

const stampText = ({ size, mtimeMs, ino }: Stats): string => `${size}-${mtimeMs}-${ino}`
const isSettled = ({ mtimeMs }: Stats): boolean => Date.now() - mtimeMs > SETTLED_MS

/** What changes when the file does (size, time, inode), to remember things by; nothing for a file touched just now. */
export function settledStamp(path: string): string | undefined {
  const info = statSync(path, { throwIfNoEntry: false })
  return info && isSettled(info) ? stampText(info) : undefined
}

export interface FileProblem {
  readonly code: 'NOT_A_FILE' | 'FILE_MISSING' | 'FILE_UNREADABLE' | 'EMPTY_FILE'
  readonly message: string
}

export class HashMemo {
  readonly #path: string
  readonly #seen: Map<string, Seen>
  readonly #stamps = new Map<string, { stamp: string; settled: boolean }>()
  #changed = false

  private constructor(path: string, seen: Map<string, Seen>) {
    this.#path = path
    this.#seen = seen
  }

  static async read(cache: string): Promise<HashMemo> {
    const path = join(cache, 'hashes.json')
    try {
      return new HashMemo(
        path,
        new Map(Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, Seen>)),
      )
    } catch {
      return new HashMemo(path, new Map())
    }
  }

  /** The known sha256 of an unchanged file; a problem that needs no reading; nothing when it must be read. */
  check(path: string): string | FileProblem | undefined {
    let info: Stats
    try {
      info = statSync(path)
    } catch (error) {
      // How Node shows bytes of a name that are no UTF-8: such a name leads nowhere.
      if (path.includes('\ufffd'))
        return { code: 'FILE_UNREADABLE', message: 'has a name that is not UTF-8: rename it' }
      return systemCode(error) === 'ENOENT'
        ? {
            code: 'FILE_MISSING',
            message: lstatSync(path, { throwIfNoEntry: false })
              ? 'is a link to a file that does not exist'
              : 'does not exist',
          }
        : systemCode(error) === 'ELOOP'
          ? { code: 'FILE_MISSING', message: 'is a link that leads back to itself' }
          : { code: 'FILE_UNREADABLE', message: `cannot be looked at (${systemCode(error)})` }
    }
    if (!info.isFile())
      return {
        code: 'NOT_A_FILE',
        message: `is ${info.isDirectory() ? 'a folder' : 'a device, pipe or socket'}, not a file`,
      }
    if (info.size === 0) return { code: 'EMPTY_FILE', message: 'is empty (0 bytes)' }
    const stamp = stampText(info)
    this.#stamps.set(path, { stamp, settled: isSettled(info) })
    const seen = this.#seen.get(path)
    return seen?.stamp === stamp ? seen.sha256 : undefined
  }

  /** Remember a hash made after `check`, unless the file has changed since. */
  learn(path: string, sha256: string): void {
    const before = this.#stamps.get(path)
    if (!before?.settled) return
    const after = statSync(path, { throwIfNoEntry: false })
    if (!after || stampText(after) !== before.stamp) return
    this.#seen.set(path, { stamp: before.stamp, sha256 })
    this.#changed = true
  }

  /** @param present  paths to keep; others are forgotten */
  async write(present: ReadonlySet<string>): Promise<void> {
    for (const path of this.#seen.keys())
      if (!present.has(path)) {
        this.#seen.delete(path)
        this.#changed = true
      }
    if (this.#changed)
      await writeFileAtomic(this.#path, JSON.stringify(Object.fromEntries(this.#seen)), { sync: false })
  }
}
