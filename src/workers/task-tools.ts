/** What a task may use in a worker process: pixels behind references, in memory that is used again. */
import { decodeAsIs, MAX_SECONDS } from '../images/decode.js'
import type { LoadedPixels, TaskTools } from '../pipeline/stage.js'
import type { Store } from '../pipeline/store.js'

/** Memory for stored images, used again: fresh memory costs more than the reading. */
const spare: Uint8Array<ArrayBuffer>[] = []
const MOST_SPARE = 8
/** Larger memory is rare and not worth holding on to. */
const LARGEST_SPARE = 1 << 24

export interface Tools extends TaskTools {
  /** To be called when the task has ended and its output is stored. */
  releaseAll(): void
}

/** Watched over from outside the process, which may be stuck in native code. */
export interface Limits {
  /** Start the clock of the call in hand, or stop it (undefined). */
  clock(seconds: number | undefined): void
  /** Wait for memory, which is given back as the clock is stopped. */
  reserve(bytes: number): Promise<void>
}

/** For tasks that run in the run's own process, watched by nobody. */
export const UNWATCHED: Limits = { clock: () => {}, reserve: async () => {} }

/** Tools for one task. */
export function makeTools(store: Store, { clock, reserve }: Limits): Tools {
  const guard: Tools['guard'] = async (seconds, work) => {
    clock(seconds)
    try {
      return await work(reserve)
    } finally {
      clock(undefined)
    }
  }
  const lent = new Map<LoadedPixels, Uint8Array<ArrayBuffer>>()
  const release = (pixels: LoadedPixels): void => {
    const memory = lent.get(pixels)
    if (!memory || !lent.delete(pixels) || memory.length > LARGEST_SPARE) return
    if (spare.push(memory) > MOST_SPARE) spare.shift()
  }
  return {
    async load(ref) {
      if (ref.kind === 'file') return guard(MAX_SECONDS, reserve => decodeAsIs(ref, { name: 'the image', reserve }))
      const { image, memory } = store.image(ref.key, takeMemory)
      lent.set(image, memory)
      return image
    },
    bytes: key => store.bytes(key),
    guard,
    release,
    releaseAll: () => [...lent.keys()].forEach(release),
  }
}

/** Not cleared: what is left of it is overwritten. */
function takeMemory(bytes: number): Uint8Array<ArrayBuffer> {
  const fit = spare.findIndex(({ length }) => length >= bytes && length <= 2 * bytes)
  return fit < 0 ? new Uint8Array(bytes) : spare.splice(fit, 1)[0]!
}
