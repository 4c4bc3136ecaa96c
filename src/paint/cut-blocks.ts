/** Blocks out of training labels: connected regions that look like things, a few of each class, as unlike as they come. */
import { numberRegions } from '../labels/regions.js'
import { encodeRuns } from './drawing/block.js'
import type { Drawing } from './drawing/drawing.js'
import type { BlockRecord } from './manifest.js'

export interface CutMap extends Drawing {
  readonly name: string
}

const BLOCKS_PER_CLASS = 8
/** Of the map's pixels: below are specks, above is ground. */
const SHARES = [0.002, 0.35] as const

interface Candidate {
  readonly map: CutMap
  readonly segment: number
  readonly segments: Uint32Array
  readonly id: number
  readonly box: { left: number; right: number; top: number; bottom: number }
  pixels: number
}

/**
 * The same maps in the same order give the same blocks. Regions that span the map from side to side are ground or sky and
 * taken only when a class has nothing else. Large ones come first; of one map no more than two of a class.
 */
export function cutBlocks(maps: readonly CutMap[], classes: number): BlockRecord[] {
  const candidates = maps.flatMap(findRegions)
  return Array.from({ length: classes }, (_, id) => id).flatMap(id => {
    const own = candidates.filter(candidate => candidate.id === id).sort((a, b) => worth(b) - worth(a))
    const taken = new Map<CutMap, number>()
    const chosen: Candidate[] = []
    for (const candidate of own) {
      if (chosen.length === BLOCKS_PER_CLASS) break
      const count = taken.get(candidate.map) ?? 0
      if (count >= 2 || chosen.some(other => alike(other, candidate))) continue
      taken.set(candidate.map, count + 1)
      chosen.push(candidate)
    }
    return chosen.map(cut)
  })
}

function findRegions(map: CutMap): Candidate[] {
  const { ids, width, height } = map
  const { segments, count } = numberRegions(ids, width, height)
  const found: Candidate[] = []
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at++) {
      const segment = segments[at]!
      const candidate = (found[segment] ??= {
        map,
        segment,
        segments,
        id: ids[at]!,
        box: { left: x, right: x, top: y, bottom: y },
        pixels: 0,
      })
      candidate.pixels++
      const { box } = candidate
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, x)
      box.bottom = y
    }
  const [least, most] = SHARES
  return found.slice(0, count).filter(({ pixels }) => pixels >= least * ids.length && pixels <= most * ids.length)
}

const widthOf = ({ box }: Candidate): number => box.right - box.left + 1
const heightOf = ({ box }: Candidate): number => box.bottom - box.top + 1

/** What spans the map comes last; else large and compact things come before small, ragged and cut ones. */
function worth(candidate: Candidate): number {
  const { map, box, pixels } = candidate
  const sides = Number(box.left === 0) + Number(box.right === map.width - 1)
  const compact = pixels / (widthOf(candidate) * heightOf(candidate))
  return (sides === 2 ? -10 : -0.3 * sides) + 0.5 * compact + 3 * Math.sqrt(pixels / map.ids.length)
}

/** Boxes within a tenth of each other's sides, as full of pixels. */
function alike(a: Candidate, b: Candidate): boolean {
  const near = (x: number, y: number): boolean => Math.abs(x - y) <= 0.1 * Math.max(x, y)
  return near(widthOf(a), widthOf(b)) && near(heightOf(a), heightOf(b)) && near(a.pixels, b.pixels)
}

function cut(candidate: Candidate): BlockRecord {
  const { map, segments, segment, id, box } = candidate
  const [width, height] = [widthOf(candidate), heightOf(candidate)]
  const mask = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (segments[(box.top + y) * map.width + box.left + x] === segment) mask[y * width + x] = 1
  return { id, width, height, runs: encodeRuns(mask), from: map.name }
}
