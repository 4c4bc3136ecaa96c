/** One line of a bench. */
export interface BenchRow {
  readonly name: string
  readonly ours: number
  /** NaN when the peer is not installed; `note` then says so. */
  readonly peer: number
  /** ours / peer. */
  readonly ratio: number
  readonly unit: string
  readonly note?: string
}

export const row = (name: string, ours: number, peer: number, unit: string, note?: string): BenchRow => ({
  name,
  ours,
  peer,
  ratio: ours / peer,
  unit,
  ...(note !== undefined && { note }),
})
