/** What docs/errors.md says of an error code: its meaning, and what to do. */
import { readFile } from 'node:fs/promises'

export interface Advice {
  readonly meaning: string
  readonly advice: string
}

/** By code; empty where the documentation was not installed. */
export async function readAdvice(): Promise<ReadonlyMap<string, Advice>> {
  const text = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8').catch(() => '')
  const rows = text.matchAll(/^\| <a id="[^"]*"><\/a>(\w+) *\| *((?:\\\||[^|])*?) *\| *((?:\\\||[^|])*?) *\|$/gm)
  return new Map(
    [...rows].map(([, code, meaning, advice]) => [code!, { meaning: plain(meaning!), advice: plain(advice!) }]),
  )
}

/** Markdown as plain words: links by their text. */
const plain = (markdown: string): string =>
  markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]|\\(?=\|)/g, '')
