/** In the folder of generated photos: what each file was made from, so that a second run makes only what is missing. */
import { existsSync } from 'node:fs'
import { appendFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError } from '../errors.js'
import { makeFolder, readFileChecked, writeFileAtomic } from '../files.js'

export const RECORD_FILE = 'generated.json'
/** What a run adds to the record, line by line, until it ends: after a kill the files are still known as ours. */
const JOURNAL_FILE = '.generated.jsonl'
/** The key of a file that was about to be written. */
const UNFINISHED = ''

/** The key of each file in `out` that prep generate made, by its path within. */
export async function readGenerated(out: string): Promise<Map<string, string>> {
  // the journal first: a run that ends meanwhile writes the record before it drops its journal
  const journal = await readIfThere(join(out, JOURNAL_FILE))
  const record = parse(await readIfThere(join(out, RECORD_FILE)))
  const keys = new Map<string, string>()
  if (record !== null && typeof record === 'object')
    for (const [file, key] of Object.entries(record)) if (typeof key === 'string') keys.set(file, key)
  for (const line of journal.split('\n')) {
    const entry = parse(line)
    if (Array.isArray(entry) && entry.length === 2) keys.set(String(entry[0]), String(entry[1]))
  }
  return keys
}

/** The record of a folder while a run writes it. Other runs may write it, too: none forgets what another has made. */
export class GenerateRecord {
  /** Made by this run. */
  readonly #added = new Map<string, string>()

  private constructor(
    private readonly out: string,
    private readonly before: ReadonlyMap<string, string>,
  ) {}

  /** What a killed run left in the journal goes into the record first. */
  static async open(out: string): Promise<GenerateRecord> {
    const record = new GenerateRecord(out, await readGenerated(out))
    await record.close()
    return record
  }

  keyOf(file: string): string | undefined {
    return this.#added.get(file) ?? this.before.get(file)
  }

  /** @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE` */
  async write(file: string, key: string, bytes: Uint8Array): Promise<void> {
    await this.#note(file, UNFINISHED)
    await writeFileAtomic(join(this.out, file), bytes)
    await this.#note(file, key)
    this.#added.set(file, key)
  }

  async close(): Promise<void> {
    if (!existsSync(join(this.out, JOURNAL_FILE)) && this.#added.size === 0) return
    const keys = new Map([...(await readGenerated(this.out)), ...this.#added])
    const sorted = Object.fromEntries([...keys].sort(([a], [b]) => (a < b ? -1 : 1)))
    await writeFileAtomic(join(this.out, RECORD_FILE), `${JSON.stringify(sorted, null, 2)}\n`)
    await rm(join(this.out, JOURNAL_FILE), { force: true })
  }

  async #note(file: string, key: string): Promise<void> {
    const journal = join(this.out, JOURNAL_FILE)
    try {
      makeFolder(this.out)
      // the line break comes first: what a kill tore off before it then swallows nothing
      await appendFile(journal, `\n${JSON.stringify([file, key])}`)
    } catch (error) {
      throw fileError(error, journal, 'note what was made in')
    }
  }
}

const readIfThere = async (file: string): Promise<string> =>
  existsSync(file) ? String(await readFileChecked(file)) : ''

/** Nothing where the text is no whole JSON, as a line of a killed run. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
