/** Exit codes, the same for every command. */
import { PrepError, PrepErrors } from '../errors.js'

/** 0 done, 1 our bug, 2 bad input, 3 too many failed samples, 4 no engine, 130 interrupted. */
export function exitCode(error: unknown): number {
  if (error instanceof PrepErrors) return 2
  if (!(error instanceof PrepError)) return 1
  if (error.code === 'TOO_MANY_FAILURES' || error.code === 'LABELS_REJECTED') return 3
  if (error.code === 'ENGINE_UNAVAILABLE') return 4
  return error.code === 'INTERRUPTED' ? 130 : 2
}
