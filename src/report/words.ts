/** Numbers and times as the page writes them. */

import { type Html, html } from './html.js'

export const count = (value: number): string => value.toLocaleString('en')

/** `1 photo`, `1,200 photos` */
export const countOf = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`

export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)}%`

/** 4.2 s, 3 min 20 s, 2 h 5 min */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `2026-11-25 06:39 UTC`; a text that is no time stays as it is. */
export function moment(iso: string): Html {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return html`${iso}`
  return html`<time datetime="${date.toISOString()}">${date.toISOString().slice(0, 16).replace('T', ' ')} UTC</time>`
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3))
  const scaled = value / 1000 ** power
  return `${power === 0 || scaled >= 100 ? scaled.toFixed(0) : scaled.toFixed(1)} ${units[power]}`
}

/** A number of a chart or table: 0.0002, 12.5, 3e-7, 120k. */
export function number(value: number, digits = 4): string {
  const size = Math.abs(value)
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return value.toPrecision(3).replace('e+', 'e')
  return size >= 1e4 ? `${Number((value / 1e3).toPrecision(digits))}k` : String(Number(value.toPrecision(digits)))
}
