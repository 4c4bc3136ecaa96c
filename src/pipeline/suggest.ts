/** "Did you mean ...?" */
import { closest, distance } from 'fastest-levenshtein'

/** The candidate that `word` is most likely a slip of, or nothing when none is near. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  if (!candidates.length) return undefined
  const near = closest(word.toLowerCase(), candidates)
  return distance(word.toLowerCase(), near) <= Math.max(1, Math.min(3, Math.floor(word.length / 2))) ? near : undefined
}
