/** Mean gradients over several batches, for updates as of one batch of all their images. */

/** Sums of gradients by weight; the memory is used again from step to step. */
export class GradientSums {
  private readonly sums = new Map<string, { readonly sum: Float32Array; batches: number }>()

  /** @param batches  that a mean is over */
  constructor(private readonly batches: number) {}

  /** Add the gradient of one more batch; after a whole number of `batches` it begins a new sum. */
  add(name: string, gradient: Float32Array): void {
    const known = this.sums.get(name)
    const entry = known ?? { sum: gradient.slice(), batches: 1 }
    if (!known) {
      this.sums.set(name, entry)
      return
    }
    const { sum } = entry
    entry.batches = (entry.batches % this.batches) + 1
    if (entry.batches === 1) {
      sum.set(gradient)
      return
    }
    const share = entry.batches === this.batches ? Math.fround(1 / this.batches) : 1
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i]! + gradient[i]!) * share
  }

  /** The mean for a weight, once all batches have been added; valid until the next `add`. */
  mean(name: string): Float32Array {
    const { sum, batches } = this.sums.get(name)!
    if (batches !== this.batches) throw new Error(`gradients: ${batches} of ${this.batches} batches for ${name}`)
    return sum
  }
}
