/** Python as an oracle: the first interpreter that has what a test needs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export { findPython } from '../bench/python.js'

/** Run a program; what it prints is JSON. */
export const runPython = (python: string, program: string, ...args: string[]): unknown =>
  JSON.parse(execFileSync(python, ['-c', program, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 }))

/** The Python block below this heading of a page of docs/: what users copy is what is tested. */
export function docsBlock(heading: string, page = 'formats.md'): string {
  const text = readFileSync(new URL(`../docs/${page}`, import.meta.url), 'utf8')
  const section = text.split(`\n## ${heading}\n`)[1]
  const block = /```python\n(.*?)```/s.exec(section ?? '')?.[1]
  if (!block) throw new Error(`docs/${page} has no Python block under "${heading}"`)
  return block
}
