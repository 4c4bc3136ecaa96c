/**
 * WebDataset: samples in tar files. Members that follow one another and have the same key are one sample; the key is the
 * path up to the first dot of the base name, the rest is the member's extension.
 *
 * @see https://github.com/webdataset/webdataset#the-webdataset-format
 */
import type { TarMember } from '../tar/read.js'

export interface WebSample {
  readonly key: string
  /** By extension in lower case, such as `jpg` or `seg.png`; the first where one occurs twice. */
  readonly members: ReadonlyMap<string, TarMember>
}

/**
 * Samples in their order. Members without an extension and hidden ones belong to none. Where the archive is cut the
 * sample before the cut is given too, unless it is the one that is cut.
 * @throws what `members` throws
 */
export function* groupMembers(members: Iterable<TarMember>): Generator<WebSample> {
  let key: string | undefined
  let found = new Map<string, TarMember>()
  try {
    for (const member of members) {
      const parts = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/s.exec(member.name)
      if (!parts) continue
      const [, next = '', extension = ''] = parts
      if (member.cut && next === key) key = undefined
      if (member.cut) continue
      if (next !== key) {
        if (key !== undefined) yield { key, members: found }
        key = next
        found = new Map()
      }
      if (!found.has(extension.toLowerCase())) found.set(extension.toLowerCase(), member)
    }
  } catch (error) {
    if (key !== undefined) yield { key, members: found }
    throw error
  }
  if (key !== undefined) yield { key, members: found }
}
