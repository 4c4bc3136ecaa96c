/** Ctrl-C: once finishes what is in hand, twice stops at once. */
import { PrepError } from '../errors.js'
import type { Renderer } from './render.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Run `work` with a signal that the first Ctrl-C aborts.
 *
 * @param again  gives the command that continues, for the closing line
 * @throws {PrepError} `INTERRUPTED` with that command as its hint
 */
export async function interruptible<T>(
  again: () => string,
  renderer: Renderer,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) {
      // By the signal itself: an orderly exit would tear threads down while native code computes in them.
      for (const signal of SIGNALS) process.off(signal, stop)
      renderer.close()
      process.kill(process.pid, 'SIGINT')
      return
    }
    controller.abort()
    renderer.stopping()
  }
  for (const signal of SIGNALS) process.on(signal, stop)
  try {
    return await work(controller.signal)
  } catch (error) {
    if (error instanceof PrepError && error.code === 'INTERRUPTED')
      throw new PrepError('INTERRUPTED', error.message, { hint: `continue with: ${again()}`, cause: error })
    throw error
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop)
    renderer.close()
  }
}
