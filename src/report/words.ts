/** Numbers and times as the page writes them; src/words.ts has those that the command line writes, too. */

import { type Html, html } from './html.js'

export const count = (value: number): string => value.toLocaleString('en')

/** `1 photo`, `1,200 photos` */
export const countOf = (value: number, noun: string, plural = `${noun}s`): string =>
  `${count(value)} ${value === 1 ? noun : plural}`

export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)}%`

/** `2026-11-25 06:39 UTC`; a text that is no time stays as it is. */
export function moment(iso: string): Html {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return html`${iso}`
  return html`<time datetime="${date.toISOString()}">${date.toISOString().slice(0, 16).replace('T', ' ')} UTC</time>`
}

/** A number of a chart or table: 0.0002, 12.5, 3e-7, 120k. */
export function number(value: number, digits = 4): string {
  const size = Math.abs(value)
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return value.toPrecision(3).replace('e+', 'e')
  return size >= 1e4 ? `${Number((value / 1e3).toPrecision(digits))}k` : String(Number(value.toPrecision(digits)))
}
