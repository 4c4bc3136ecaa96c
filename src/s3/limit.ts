/** Several transfers at a time, none more once one has failed. */
import pLimit from 'p-limit'

/**
 * @returns results in the order of the items
 * @throws the first failure, when all that had begun has ended
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const limit = pLimit(parallel)
  let failure: { readonly error: unknown } | undefined
  const results = items.map(item =>
    limit(async () => {
      if (failure) return []
      try {
        return [await work(item)]
      } catch (error) {
        failure ??= { error }
        return []
      }
    }),
  )
  const done = await Promise.all(results)
  if (failure) throw failure.error
  return done.flat()
}
