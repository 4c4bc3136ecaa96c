/** Makes the report of a run: gathers, measures, fits the pictures into the size asked for, renders, writes. */
import { join } from 'node:path'
import { writeFileAtomic } from '../files.js'
import { gather } from './gather.js'
import { type MeasureOptions, measure } from './measure.js'
import { fitPictures, type Pictures, type Recoded } from './pictures.js'
import { render } from './render.js'

export interface ReportOptions extends MeasureOptions {
  /** Default: report.html in the run's own folder. */
  readonly out?: string
  /** Of the file, at most; words are told whole, even if they alone are more. */
  readonly maxBytes: number
}

export interface WrittenReport {
  readonly path: string
  readonly bytes: number
  /** Sheets that there were, and that are shown. */
  readonly sheets: Pictures['series']
  /** What could not be measured, or kept, and why. */
  readonly problems: readonly string[]
}

const ATTEMPTS = 4
const NO_PICTURES: Pictures = { byName: new Map(), series: { found: 0, shown: 0 } }

/**
 * @param run  output folder of a run
 * @throws {PrepError} `FILE_MISSING` for a folder that holds no run, `DISK_FULL`, `OUTPUT_READ_ONLY`
 */
export async function writeRunReport(run: string, options: ReportOptions): Promise<WrittenReport> {
  const gathered = await gather(run)
  const { facts, problems } = await measure(gathered, options)
  options.signal?.throwIfAborted()
  const { sources } = gathered.pictures
  let room = options.maxBytes - Buffer.byteLength(render(facts, NO_PICTURES))
  let pictures = NO_PICTURES
  const recoded: Recoded = new Map()
  let page = ''
  // the words around pictures are known once it is known which are shown: what is over is taken off and fitted again
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    pictures = await fitPictures(sources, Math.max(0, room), recoded)
    page = render(facts, pictures)
    const over = Buffer.byteLength(page) - options.maxBytes
    if (over <= 0) break
    room -= over + 1024
  }
  const path = options.out ?? join(run, 'report.html')
  const bytes = Buffer.byteLength(page)
  const words = 'the words alone of this report are more than the size asked for'
  await writeFileAtomic(path, page)
  return {
    path,
    bytes,
    sheets: pictures.series,
    problems: bytes > options.maxBytes ? [...problems, words] : problems,
  }
}
