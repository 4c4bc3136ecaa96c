/**
 * The pictures of a report within a number of bytes: first they get smaller together, and when that is not enough, those
 * of a series are thinned evenly.
 */
import { type Shrinking, type Shrunk, shrinkPicture } from '../images/shrink.js'
import { spread } from '../trainer/strip.js'
import type { PictureSource } from './facts.js'

export interface Picture {
  /** `data:image/webp;base64,...` */
  readonly uri: string
  readonly width: number
  readonly height: number
}

export interface Pictures {
  readonly byName: ReadonlyMap<string, Picture>
  /** Pictures of series that there were, and that are shown. */
  readonly series: { readonly found: number; readonly shown: number }
}

/** From the first that fits on; widths are parts of what a picture asks for. */
const RUNGS: readonly { readonly scale: number; readonly quality: number }[] = [
  { scale: 1, quality: 82 },
  { scale: 0.8, quality: 76 },
  { scale: 0.62, quality: 70 },
  { scale: 0.45, quality: 60 },
]
/** More of a series than this nobody looks at one by one. */
const MOST_OF_SERIES = 60
/** Series that keep so many are rather thinned than made smaller again. */
const ENOUGH_OF_SERIES = 24
const PARALLEL = 4

/** Pictures by name and rung; nothing for those that cannot be read. */
export type Recoded = Map<string, Shrunk | undefined>

/** Bytes that a picture takes in the page. */
const sizeOf = ({ webp }: Shrunk): number => Math.ceil(webp.length / 3) * 4

/**
 * @param recoded      of an earlier fitting of the same pictures, which is then quicker
 * @param budgetBytes  for all of them as they stand in the page; held, whatever there is: in the end pictures are left out
 */
export async function fitPictures(
  sources: readonly PictureSource[],
  budgetBytes: number,
  recoded: Recoded = new Map(),
): Promise<Pictures> {
  const single = sources.filter(({ series }) => !series)
  const series = sources.filter(({ series }) => series)
  const candidates = spread(series, MOST_OF_SERIES)
  let fitted: [PictureSource, Shrunk][] = []
  for (const [index, rung] of RUNGS.entries()) {
    const last = index === RUNGS.length - 1
    const singles = within(await shrinkAll(single, rung, recoded), series.length > 0 ? budgetBytes / 2 : budgetBytes)
    const room = budgetBytes - total(singles.kept)
    const some = await shrinkAll(candidates, rung, recoded)
    const thinned = thin(some, room)
    fitted = [...singles.kept, ...thinned]
    if (last || (!singles.cut && thinned.length >= Math.min(some.length, ENOUGH_OF_SERIES))) break
  }
  const byName = new Map(
    fitted.map(([{ name }, { webp, width, height }]) => [
      name,
      { uri: `data:image/webp;base64,${Buffer.from(webp).toString('base64')}`, width, height },
    ]),
  )
  return { byName, series: { found: series.length, shown: series.filter(({ name }) => byName.has(name)).length } }
}

const total = (pictures: readonly (readonly [PictureSource, Shrunk])[]): number =>
  pictures.reduce((sum, [, shrunk]) => sum + sizeOf(shrunk), 0)

/** In their order, as far as they fit. */
function within(pictures: readonly [PictureSource, Shrunk][], room: number) {
  const kept: [PictureSource, Shrunk][] = []
  for (const picture of pictures) if (total([...kept, picture]) <= room) kept.push(picture)
  return { kept, cut: kept.length < pictures.length }
}

/** The most that fit, at even distances, the first and the last among them; the last alone when there is room for one. */
function thin(pictures: readonly [PictureSource, Shrunk][], room: number): [PictureSource, Shrunk][] {
  for (let count = pictures.length; count > 1; count--) {
    const some = spread(pictures, count)
    if (total(some) <= room) return some
  }
  return pictures.slice(-1).filter(picture => total([picture]) <= room)
}

async function shrinkAll(
  sources: readonly PictureSource[],
  { scale, quality }: (typeof RUNGS)[number],
  recoded: Recoded,
): Promise<[PictureSource, Shrunk][]> {
  const found: [PictureSource, Shrunk][] = []
  for (let from = 0; from < sources.length; from += PARALLEL) {
    const some = sources.slice(from, from + PARALLEL)
    const shrunk = await Promise.all(
      some.map(async ({ name, from, maxWidthPx }) => {
        const options: Shrinking = { maxWidthPx: Math.round(scale * maxWidthPx), quality }
        const known = `${name} ${scale}`
        if (!recoded.has(known)) recoded.set(known, await shrinkPicture(from, options))
        return recoded.get(known)
      }),
    )
    for (const [i, picture] of shrunk.entries()) if (picture) found.push([some[i]!, picture])
  }
  return found
}
