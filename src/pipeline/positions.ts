/** Where things stand in a YAML file: from a path of keys to line, column and text. */
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import type { SourcePosition } from '../errors.js'

export type Path = readonly (string | number)[]

/** A parsed YAML file that remembers where everything stands. */
export class PositionedYaml {
  readonly document: Document.Parsed
  readonly #lines = new LineCounter()
  readonly #textLines: readonly string[]
  readonly #file: string

  constructor(text: string, file: string) {
    this.#file = file
    this.#textLines = text.split(/\r?\n/)
    this.document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false })
  }

  /** The value at `path`, or the closest parent that exists. */
  ofValue(path: Path): SourcePosition {
    for (let length = path.length; length >= 0; length--) {
      const node = length ? this.document.getIn(path.slice(0, length), true) : this.document.contents
      const range = (node as Node | undefined)?.range
      if (range) return this.at(range[0], range[1] - range[0])
    }
    return this.at(0, 1)
  }

  /** The key at the end of `path`. */
  ofKey(path: Path): SourcePosition {
    const parent = path.length > 1 ? this.document.getIn(path.slice(0, -1), true) : this.document.contents
    const name = path.at(-1)
    const pair = isMap(parent) ? parent.items.find(item => isScalar(item.key) && item.key.value === name) : undefined
    const range = (pair?.key as Node | undefined)?.range
    return range ? this.at(range[0], range[1] - range[0]) : this.ofValue(path)
  }

  at(offset: number, length: number): SourcePosition {
    const { line, col } = this.#lines.linePos(offset)
    const text = this.#textLines[line - 1] ?? ''
    return { file: this.#file, line, column: col, length: Math.max(1, Math.min(length, text.length - col + 1)), text }
  }
}
