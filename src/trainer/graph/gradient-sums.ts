/** Mean gradients over several batches, for updates as of one batch of all their images. */

/** Sums of gradients by weight; the memory is used again from step to step. */
export class GradientSums {
  private readonly sums = new Map<string, { readonly sum: Float32Array; batches: number }>()

  /** @param batches  that a mean is over */
  constructor(private readonly batches: number) {}

  add(name: string, gradient: Float32Array): void {
    const known = this.sums.get(name)
    if (!known) {
      this.sums.set(name, { sum: gradient.slice(), batches: 1 })
      return
    }
    const { sum } = known
    if (known.batches === this.batches) {
      sum.set(gradient)
      known.batches = 1
      return
    }
    for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!
    known.batches++
  }

  /** The mean of what was added for a weight; valid until the next `add`, which begins a new sum. */
  mean(name: string): Float32Array {
    const { sum } = this.sums.get(name)!
    const share = Math.fround(1 / this.batches)
    for (let i = 0; i < sum.length; i++) sum[i]! *= share
    return sum
  }
}
