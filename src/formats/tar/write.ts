/** Writes a tar file whose bytes depend on names and contents alone: no times, no owners. */
import { createTarPacker } from 'modern-tar'
import { replaceFile } from '../../files.js'

export interface NewMember {
  readonly name: string
  readonly data: Uint8Array
}

const EPOCH = new Date(0)

/**
 * Write members in their order, as ustar with pax headers where a name is long; atomically.
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`, and whatever `members` throws
 */
export function writeTar(path: string, members: AsyncIterable<NewMember> | Iterable<NewMember>): Promise<void> {
  return replaceFile(path, async file => {
    const { readable, controller } = createTarPacker()
    const pack = async (): Promise<void> => {
      try {
        for await (const { name, data } of members) {
          const body = controller
            .add({ name, size: data.length, mtime: EPOCH, mode: 0o644, uid: 0, gid: 0 })
            .getWriter()
          await body.write(data)
          await body.close()
        }
        controller.finalize()
      } catch (error) {
        controller.error(error)
        throw error
      }
    }
    const store = async (): Promise<void> => {
      for await (const chunk of readable) await file.writeFile(chunk)
    }
    const [packed, stored] = await Promise.allSettled([pack(), store()])
    if (packed.status === 'rejected') throw packed.reason
    if (stored.status === 'rejected') throw stored.reason
  })
}
