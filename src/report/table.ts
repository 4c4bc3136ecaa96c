/** A table with a caption and headings, wide ones in a box of their own that scrolls. */
import { type Html, html, type Piece } from './html.js'

export interface Column<Row> {
  readonly heading: string
  /** `n`: numbers; `path`, `hash`, `words`: long texts that may break. */
  readonly kind?: 'n' | 'path' | 'hash' | 'words'
  readonly cell: (row: Row) => Piece
}

/** @returns nothing for no rows */
export function tableHtml<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Html | undefined {
  if (rows.length === 0) return undefined
  const heads = columns.map(
    ({ heading, kind }) => html`<th scope="col"${kind === 'n' && html` class="n"`}>${heading}</th>`,
  )
  const lines = rows.map(
    row =>
      html`<tr>${columns.map(({ cell, kind }) => html`<td${kind && html` class="${kind}"`}>${cell(row)}</td>`)}</tr>\n`,
  )
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>
${lines}</tbody></table></div>`
}

/** A list of short facts, each in a tile. */
export const tilesHtml = (facts: readonly (readonly [name: string, value: Piece])[]): Html =>
  html`<dl class="tiles">${facts
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
