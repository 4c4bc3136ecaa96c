/**
 * Letters as SVG strokes. A sheet must show its words on machines without any font (containers, servers), so it brings
 * its own: one line per glyph, drawn with a round pen.
 */

/** Cap height in glyph units; capitals span 0..10, the line of small letters is at 3, descenders reach 13. */
const CAP = 10
const SPACING = 2.1
const SPACE = 3.2

const BOWL = 'M5.4 6.5A2.7 3.5 0 1 0 0 6.5A2.7 3.5 0 1 0 5.4 6.5'
const ARCH = 'M0 6C0 4 1.2 3 2.7 3C4.2 3 5 4 5 5.6V10'
const RING = 'M4.2 0A4.2 5 0 1 0 4.2 10A4.2 5 0 1 0 4.2 0'

/** Advance width and strokes. */
const GLYPHS: Readonly<Record<string, readonly [width: number, path: string]>> = {
  A: [7.4, 'M0 10L3.7 0 7.4 10M1.3 6.6H6.1'],
  B: [6.2, 'M0 0V10H3.6A2.6 2.6 0 0 0 3.6 4.8H0M0 0H3.2A2.4 2.4 0 0 1 3.2 4.8'],
  C: [7.4, 'M7.5 2.2A4.2 5 0 1 0 7.5 7.8'],
  D: [7.2, 'M0 0V10H2.8A4.4 5 0 0 0 2.8 0Z'],
  E: [5.6, 'M5.6 0H0V10H5.6M0 4.9H4.8'],
  F: [5.4, 'M5.4 0H0V10M0 4.9H4.6'],
  G: [7.7, 'M7.5 2.2A4.2 5 0 1 0 7.7 7.6V5.2H4.7'],
  H: [7, 'M0 0V10M7 0V10M0 4.9H7'],
  I: [0, 'M0 0V10'],
  J: [4.6, 'M4.6 0V7A2.3 3 0 0 1 0 7'],
  K: [6.4, 'M0 0V10M6.2 0L0 6.4M2.4 4.2L6.4 10'],
  L: [5.2, 'M0 0V10H5.2'],
  M: [8.4, 'M0 10V0L4.2 6.4 8.4 0V10'],
  N: [7.2, 'M0 10V0L7.2 10V0'],
  O: [8.4, RING],
  P: [6.2, 'M0 10V0H3.4A2.8 2.8 0 0 1 3.4 5.6H0'],
  Q: [8.4, `${RING}M5.2 7.4L8.2 10.6`],
  R: [6.4, 'M0 10V0H3.4A2.7 2.7 0 0 1 3.4 5.4H0M3.2 5.4L6.4 10'],
  S: [6.1, 'M5.8 1.8C5.2.6 4.2 0 3 0C1.4 0 .2 1 .2 2.5C.2 5.6 6.1 4.3 6.1 7.4C6.1 9 4.8 10 3.1 10C1.7 10 .5 9.2 0 7.9'],
  T: [7, 'M0 0H7M3.5 0V10'],
  U: [7, 'M0 0V6.4A3.5 3.6 0 0 0 7 6.4V0'],
  V: [7.4, 'M0 0L3.7 10 7.4 0'],
  W: [10.4, 'M0 0L2.6 10 5.2 1.2 7.8 10 10.4 0'],
  X: [6.6, 'M0 0L6.6 10M6.6 0L0 10'],
  Y: [7, 'M0 0L3.5 5.2V10M7 0L3.5 5.2'],
  Z: [6.4, 'M0 0H6.4L0 10H6.4'],
  a: [5.4, `${BOWL}M5.4 3V10`],
  b: [5.4, `M0 0V10${BOWL}`],
  c: [5, 'M5 4.4A2.8 3.5 0 1 0 5 8.6'],
  d: [5.4, `M5.4 0V10${BOWL}`],
  e: [5.5, 'M.1 6.4H5.5A2.75 3.5 0 1 0 4.9 8.7'],
  f: [3.4, 'M3.7.2C1.9-.3 1.4.8 1.4 2.2V10M0 3.2H3.4'],
  g: [5.4, `${BOWL}M5.4 3V10.4C5.4 12.2 4.2 13 2.7 13C1.6 13 .8 12.7 .3 12.1`],
  h: [5, `M0 0V10${ARCH}`],
  i: [0, 'M0 3V10M0 .3V.5'],
  j: [1.6, 'M1.6 3V11C1.6 12.4 1 13-.2 12.9M1.6 .3V.5'],
  k: [4.6, 'M0 0V10M4.4 3L0 7.4M1.8 5.7L4.6 10'],
  l: [0, 'M0 0V10'],
  m: [8.4, 'M0 3V10M0 5.6C0 4 1 3 2.2 3C3.5 3 4.2 3.9 4.2 5.4V10M4.2 5.6C4.2 4 5.2 3 6.4 3C7.7 3 8.4 3.9 8.4 5.4V10'],
  n: [5, `M0 3V10${ARCH}`],
  o: [5.4, BOWL],
  p: [5.4, `M0 3V13${BOWL}`],
  q: [5.4, `M5.4 3V13${BOWL}`],
  r: [3, 'M0 3V10M0 6.2C0 4.2 1.2 2.9 3 3.1'],
  s: [
    4.5,
    'M4.3 4.4C3.9 3.5 3.2 3 2.2 3C1 3 .2 3.7 .2 4.7C.2 7 4.5 5.9 4.5 8.2C4.5 9.3 3.5 10 2.3 10C1.2 10 .3 9.5 0 8.5',
  ],
  t: [3.4, 'M1.4.8V8C1.4 9.6 2.2 10.2 3.5 9.8M0 3.2H3.4'],
  u: [5, 'M5 3V10M0 3V7.4C0 9 .9 10 2.3 10C3.8 10 5 9 5 7'],
  v: [5.4, 'M0 3L2.7 10 5.4 3'],
  w: [8, 'M0 3L2 10 4 3.6 6 10 8 3'],
  x: [5, 'M0 3L5 10M5 3L0 10'],
  y: [5.4, 'M0 3L2.7 9.8M5.4 3L2.4 11.2C2 12.5 1.2 13.1 0 12.9'],
  z: [4.8, 'M0 3H4.8L0 10H4.8'],
  '0': [6, 'M3 0C1.1 0 .2 2 .2 5C.2 8 1.1 10 3 10C4.9 10 5.8 8 5.8 5C5.8 2 4.9 0 3 0'],
  '1': [6, 'M1.2 2L3.6 0V10'],
  '2': [6, 'M.4 2.8C.4 1.1 1.5 0 3 0C4.6 0 5.6 1.1 5.6 2.6C5.6 4.6 3.6 6 .2 10H5.8'],
  '3': [
    6,
    'M.5 1.9C.9.7 1.8 0 3 0C4.5 0 5.5 1 5.5 2.4C5.5 3.8 4.5 4.7 3 4.7H2.4M3 4.7C4.8 4.7 5.8 5.8 5.8 7.3C5.8 9 4.6 10 3 10C1.5 10 .5 9.2 .2 7.9',
  ],
  '4': [6, 'M4.4 10V0L0 7H6'],
  '5': [6, 'M5.3 0H1L.6 4.6C1.3 4 2.1 3.7 3 3.7C4.7 3.7 5.8 5 5.8 6.8C5.8 8.7 4.6 10 2.9 10C1.6 10 .6 9.3 .2 8.2'],
  '6': [
    6,
    'M5.2 1.4C4.7.5 4 0 3.2 0C1.2 0 .2 2.2 .2 5.4C.2 8.4 1.2 10 3 10C4.6 10 5.8 8.7 5.8 6.9C5.8 5.1 4.7 3.9 3.1 3.9C1.6 3.9 .5 4.9 .2 6.2',
  ],
  '7': [6, 'M.2 0H5.8L2.2 10'],
  '8': [
    6,
    'M3 4.7C1.5 4.7.6 3.7.6 2.3C.6.9 1.6 0 3 0C4.4 0 5.4.9 5.4 2.3C5.4 3.7 4.5 4.7 3 4.7C1.3 4.7.2 5.8.2 7.3C.2 8.9 1.4 10 3 10C4.6 10 5.8 8.9 5.8 7.3C5.8 5.8 4.7 4.7 3 4.7',
  ],
  '9': [
    6,
    'M.8 8.6C1.3 9.5 2 10 2.8 10C4.8 10 5.8 7.8 5.8 4.6C5.8 1.6 4.8 0 3 0C1.4 0 .2 1.3 .2 3.1C.2 4.9 1.3 6.1 2.9 6.1C4.4 6.1 5.5 5.1 5.8 3.8',
  ],
  '.': [0, 'M0 9.8V10'],
  ',': [0.6, 'M.6 9.8L0 11.8'],
  ':': [0, 'M0 4V4.2M0 9.8V10'],
  ';': [0.6, 'M.6 4V4.2M.6 9.8L0 11.8'],
  '-': [3.4, 'M0 6H3.4'],
  '–': [5, 'M0 6H5'],
  _: [5, 'M0 11.6H5'],
  '+': [5.6, 'M2.8 3.2V8.8M0 6H5.6'],
  '=': [5.4, 'M0 4.6H5.4M0 7.4H5.4'],
  '/': [4, 'M0 11L4-.6'],
  '\\': [4, 'M4 11L0-.6'],
  '|': [0, 'M0-1V12'],
  '(': [2, 'M2-1C-.7 2.6-.7 8.4 2 12'],
  ')': [2, 'M0-1C2.7 2.6 2.7 8.4 0 12'],
  '[': [2, 'M2-1H0V12H2'],
  ']': [2, 'M0-1H2V12H0'],
  '{': [2.4, 'M2.4-1C.4-1 2 5.5 0 5.5C2 5.5.4 12 2.4 12'],
  '}': [2.4, 'M0-1C2-1 .4 5.5 2.4 5.5C.4 5.5 2 12 0 12'],
  '<': [5, 'M5 3.2L0 6 5 8.8'],
  '>': [5, 'M0 3.2L5 6 0 8.8'],
  '%': [8.4, 'M2 0A2 2.3 0 1 0 2 4.6A2 2.3 0 1 0 2 0M6.4 5.4A2 2.3 0 1 0 6.4 10A2 2.3 0 1 0 6.4 5.4M7 0L1.4 10'],
  '#': [6.6, 'M2 .4L1.2 9.8M5.4.4L4.6 9.8M.4 3.4H6.6M0 6.8H6.2'],
  '*': [4, 'M2 0V4.6M0 1.2L4 3.4M4 1.2L0 3.4'],
  '~': [5.4, 'M0 6.6C1 4.6 2 5 2.7 6C3.4 7 4.4 7.4 5.4 5.4'],
  '^': [4, 'M0 3L2 0 4 3'],
  "'": [0, 'M0 0V2.4'],
  '"': [2, 'M0 0V2.4M2 0V2.4'],
  '!': [0, 'M0 0V6.8M0 9.8V10'],
  '?': [5, 'M0 2.2C.3.8 1.3 0 2.6 0C4 0 5 .9 5 2.2C5 4.4 2.6 4.4 2.6 6.8M2.6 9.8V10'],
  '&': [7, 'M6.8 10L1.8 3.6C.6 2 1.3 0 3 0C4.9 0 5.2 2.2 3.8 3.4L1.8 4.8C-.8 6.8.2 10 2.8 10C4.8 10 6.2 8.2 6.4 5.6'],
  '@': [
    8.8,
    'M6.2 3.4V6.4C6.2 8.4 8.6 8 8.6 5C8.6 2 6.8 0 4.4 0C1.8 0 0 2.2 0 5C0 8 1.8 10 4.6 10C5.6 10 6.4 9.8 7 9.4M6.2 5A1.8 2 0 1 0 2.6 5A1.8 2 0 1 0 6.2 5',
  ],
  '×': [4.6, 'M0 3.7L4.6 8.3M4.6 3.7L0 8.3'],
  '·': [0, 'M0 5.9V6.1'],
  '→': [7.4, 'M0 6H7.4M4.6 3.2L7.4 6 4.6 8.8'],
  '…': [4.8, 'M0 9.8V10M2.4 9.8V10M4.8 9.8V10'],
}

/** Shown for a character that has no glyph. */
const UNKNOWN = [5, 'M0 0H5V10H0Z'] as const

/** Accents are dropped: what is left of a name stays readable. */
const characters = (text: string): string[] => [...text.normalize('NFD').replace(/\p{M}/gu, '')]

const glyphOf = (character: string) => GLYPHS[character] ?? UNKNOWN

const advance = (character: string): number => (/\s/.test(character) ? SPACE : glyphOf(character)[0] + SPACING)

/** @returns width in px of a line of text whose capitals are `capPx` high */
export function textWidth(text: string, capPx: number): number {
  const units = characters(text).reduce((sum, character) => sum + advance(character), 0)
  return (Math.max(0, units - SPACING) * capPx) / CAP
}

/** Cut a text to a width, with an ellipsis where something was cut. */
export function fitText(text: string, capPx: number, maxPx: number): string {
  if (textWidth(text, capPx) <= maxPx) return text
  const kept = characters(text)
  while (kept.length > 0 && textWidth(`${kept.join('')}…`, capPx) > maxPx) kept.pop()
  return `${kept.join('').trimEnd()}…`
}

export interface Lettering {
  readonly text: string
  /** Left end. */
  readonly x: number
  readonly baseline: number
  /** Height of a capital. */
  readonly capPx: number
  /** CSS colour. */
  readonly colour: string
  readonly bold?: boolean
}

/** One line of text as an SVG group. */
export function letterSvg({ text, x, baseline, capPx, colour, bold = false }: Lettering): string {
  const scale = capPx / CAP
  let at = 0
  const paths = characters(text).map(character => {
    const path = /\s/.test(character)
      ? ''
      : `<path transform="translate(${at.toFixed(2)})" d="${glyphOf(character)[1]}"/>`
    at += advance(character)
    return path
  })
  return `<g transform="translate(${x} ${baseline - capPx}) scale(${scale})" fill="none" stroke="${colour}" stroke-width="${
    bold ? 1.7 : 1.25
  }" stroke-linecap="round" stroke-linejoin="round">${paths.join('')}</g>`
}
