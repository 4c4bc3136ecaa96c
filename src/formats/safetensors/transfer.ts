/** Whole reads and writes at a position: one system call may move less than asked, and at most 2 GiB. */
import { writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

const LARGEST = 1 << 30

/** Write all of `bytes` at `position`. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(LARGEST, bytes.length - done), position + done)
    done += bytesWritten
  }
}

/** `writeFully`, blocking, for a file descriptor. */
export function writeFullySync(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(file, bytes, done, Math.min(LARGEST, bytes.length - done), position + done)
}

/** Fill `into` from `position`. @returns the bytes read: fewer only where the file ends */
export async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, Math.min(LARGEST, into.length - done), position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}
