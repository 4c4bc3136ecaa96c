/** Samples out of lists: each entry names files on disk and says more about them; the files are found, identified and named here. */
import { PrepError } from '../errors.js'
import type { StageContext } from '../pipeline/stage.js'
import type { FileRef, Sample, Split } from '../sample.js'
import { type FileOfSample, identifyFiles } from './identity.js'
import { commonFolder, namesFor } from './names.js'
import { isInside } from './patterns.js'

export interface ListedPhoto {
  readonly photo: string
  /** File of label ids. */
  readonly label?: string | undefined
  /** File of labels drawn in colours. */
  readonly drawing?: string | undefined
  readonly split?: Split | undefined
  readonly group?: string | undefined
  readonly columns?: Readonly<Record<string, string>>
  /** `train.csv line 7` */
  readonly mention?: string
}

/** One sample an entry, in the order of the entries; those whose files are not all there are left out and counted. */
export async function samplesOf(entries: readonly ListedPhoto[], context: StageContext): Promise<Sample[]> {
  const photos = firstOfEach(entries, context)
  const paths = photos.map(({ photo }) => photo)
  const names = namesFor(paths, commonFolder(paths))
  const files: FileOfSample[] = []
  const mentions = new Map<string, string>()
  for (const [i, { photo, label, drawing, mention }] of photos.entries())
    for (const path of [photo, label, drawing]) {
      if (path === undefined) continue
      files.push({ name: names[i]!, path })
      if (mention) mentions.set(path, mention)
    }
  const known = await identifyFiles(files, {
    ...context,
    fail: ({ message, ...failure }) => {
      const mention = mentions.get(failure.source)
      context.fail({ ...failure, message: mention ? `${message} (${mention})` : message })
    },
  })
  const refOf = (path: string | undefined): FileRef | undefined => {
    const sha256 = path && known.get(path)
    return sha256 ? { kind: 'file', path: path!, sha256 } : undefined
  }
  return photos.flatMap((entry, i): Sample[] => {
    const { split, group, columns = {} } = entry
    const [photo, label, drawing] = [refOf(entry.photo), refOf(entry.label), refOf(entry.drawing)]
    if (!photo || (entry.label && !label) || (entry.drawing && !drawing)) return []
    return [
      {
        name: names[i]!,
        source: entry.photo,
        sha256: photo.sha256,
        photo,
        ...(label && { label }),
        ...(drawing && { drawing }),
        ...(split && { split }),
        ...(group && { group }),
        ...(Object.keys(columns).length && { columns }),
      },
    ]
  })
}

/** A list may name a photo on several lines (captions do): it is one photo. */
function firstOfEach(entries: readonly ListedPhoto[], { warn, output }: StageContext): ListedPhoto[] {
  const first = new Map<string, ListedPhoto>()
  for (const entry of entries) if (!first.has(entry.photo)) first.set(entry.photo, entry)
  const again = entries.length - first.size
  if (again)
    warn(`${again} ${again > 1 ? 'lines name photos' : 'line names a photo'} listed before: the first line counts`)
  const own = [...first.keys()].find(path => isInside(path, output))
  if (own)
    throw new PrepError('INPUT_CYCLE', `${own} is in the pipeline's own output ${output}`, {
      hint: 'list photos outside the output folder, or set another output:',
    })
  return [...first.values()]
}
