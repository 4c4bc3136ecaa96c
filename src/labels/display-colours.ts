/**
 * Colours that show labels: as near to the mean colours of the clusters as they can be, so that sky is recognised as
 * sky, and far enough from each other to be told apart on a contact sheet.
 */
import { type OkLab, okLab, type Rgb } from './oklab.js'

/**
 * OKLab distance that up to 20 colours keep from each other; in the middle of the lightness scale, where two greys
 * this far apart are 23 codes apart. More colours share the room there is: it shrinks with the cube root of their number.
 */
const APART = 0.09
const AT_CLUSTERS = 20
/** Where there is no room for that, this much of it is tried next. */
const LESS = 0.9
/** What a step to more of the same hue, and one to another hue or to grey, counts against one in lightness, squared. */
const CHROMA_COST = 3
const HUE_COST = 6
/** OKLab chroma that a colour may have beyond its mean's: what is nearly white stays calm. More only for want of room. */
const MORE_CHROMA = [0.08, 0.16, 1]
/** Candidates per channel: 0, 8, 16, ... 255. */
const LEVELS = 33
/** Rounds in which each colour may move to a better place; few are ever needed. */
const ROUNDS = 8

/**
 * A display colour for each cluster, `#rrggbb`, all different.
 *
 * Means that are apart already stay as they are, rounded. The others go to the nearest places that are free: the first of
 * two alike keeps its own colour. The same means give the same colours.
 *
 * @param means  mean colours, each channel 0..255
 * @param given  colours that are decided already, kept as they are
 */
export function spreadColours(means: readonly Rgb[], given: readonly (string | undefined)[] = []): string[] {
  const taken = means.map((_, id) => given[id])
  if (taken.every(colour => colour !== undefined)) return taken
  const start = APART * Math.min(1, Math.cbrt(AT_CLUSTERS / means.length))
  for (let apart = start; ; apart *= LESS) {
    for (const chroma of MORE_CHROMA) {
      const colours = place(means, taken, { apart, chroma })
      if (colours) return colours
    }
  }
}

/** A colour, and where it lies. */
interface Candidate {
  readonly rgb: Rgb
  readonly lab: OkLab
}

interface Room {
  /** From each other and from those taken. */
  readonly apart: number
  /** Beyond that of the mean. */
  readonly chroma: number
}

/** Colours with that much room, or nothing when there is not enough. */
function place(means: readonly Rgb[], taken: readonly (string | undefined)[], room: Room): string[] | undefined {
  const wanted = means.map(mean => okLab(...mean))
  const places = taken.map(colour => (colour === undefined ? undefined : candidate(parse(colour))))
  const own = means.map(mean => candidate(mean.map(Math.round) as unknown as Rgb))
  const order = [...means.keys()].sort((i, j) => fromMiddle(wanted[j]!) - fromMiddle(wanted[i]!) || i - j)
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false
    for (const id of order) {
      if (taken[id] !== undefined) continue
      const others = places.filter((other): other is Candidate => other !== undefined && other !== places[id])
      const best = nearestFree(wanted[id]!, own[id]!, others, room)
      if (!best) return undefined
      moved ||= best.rgb !== places[id]?.rgb
      places[id] = best
    }
    if (!moved) break
  }
  return places.map(chosen => hex((chosen as Candidate).rgb))
}

/** White and black have no room but to become grey, so they choose first. */
const fromMiddle = ([lightness]: OkLab): number => Math.abs(lightness - 0.6)

/** What costs least to show `wanted` by, among its own colour and the grid, of all that is far enough from the others. */
function nearestFree(
  wanted: OkLab,
  own: Candidate,
  others: readonly Candidate[],
  { apart, chroma }: Room,
): Candidate | undefined {
  const free = ({ lab }: Candidate): boolean => others.every(other => squaredDistance(lab, other.lab) >= apart * apart)
  if (free(own)) return own
  let best: Candidate | undefined
  let lowest = Infinity
  const most = Math.hypot(wanted[1], wanted[2]) + chroma
  for (const one of grid()) {
    if (Math.hypot(one.lab[1], one.lab[2]) > most) continue
    const cost = costOf(one.lab, wanted)
    if (cost >= lowest || !free(one)) continue
    best = one
    lowest = cost
  }
  return best
}

const squaredDistance = (p: OkLab, q: OkLab): number => (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2

/** A darker or, less so, a stronger blue is still the sky; a green one is not. */
function costOf(p: OkLab, wanted: OkLab): number {
  const [light, a, b] = [p[0] - wanted[0], p[1] - wanted[1], p[2] - wanted[2]]
  const chroma = Math.hypot(wanted[1], wanted[2])
  const stronger = chroma ? Math.max(0, (a * wanted[1] + b * wanted[2]) / chroma) : 0
  return light * light + HUE_COST * (a * a + b * b) - (HUE_COST - CHROMA_COST) * stronger * stronger
}

const candidate = (rgb: Rgb): Candidate => ({ rgb, lab: okLab(...rgb) })

let candidates: readonly Candidate[] | undefined
/** Colours of all sRGB, evenly by code. */
function grid(): readonly Candidate[] {
  if (candidates) return candidates
  const levels = Array.from({ length: LEVELS }, (_, i) => Math.round((255 * i) / (LEVELS - 1)))
  candidates = levels.flatMap(r => levels.flatMap(g => levels.map(b => candidate([r, g, b]))))
  return candidates
}

const parse = (colour: string): Rgb =>
  [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16)) as unknown as Rgb

/** @param colour  each channel 0..255, rounded here */
export const hex = (colour: Rgb): string => `#${colour.map(c => Math.round(c).toString(16).padStart(2, '0')).join('')}`

/** The colours with those changed a little that an earlier one has already, so that a colour tells its label. */
export function distinctColours(colours: readonly string[]): string[] {
  const taken = new Set<string>()
  return colours.map(colour => {
    let value = Number.parseInt(colour.slice(1), 16)
    let text = colour
    // one step of blue at a time, downwards from white
    while (taken.has(text)) {
      value = value === 0xffffff ? value - 256 : (value + 1) & 0xffffff
      text = `#${value.toString(16).padStart(6, '0')}`
    }
    taken.add(text)
    return text
  })
}
