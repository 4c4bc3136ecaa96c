/** Shares out the memory for large photos, first come, first served, so that several at once cost no more than one. */

interface Claim {
  readonly bytes: number
  readonly onGranted: () => void
}

export class MemoryBudget {
  #free: number
  readonly #total: number
  readonly #waiting: Claim[] = []

  constructor(bytes: number) {
    this.#total = bytes
    this.#free = bytes
  }

  /**
   * Ask for memory. Who asks for more than there is gets all of it, alone.
   *
   * @param onGranted  called once, at once where there is enough
   * @returns gives the memory back, or the claim up; to be called once
   */
  claim(bytes: number, onGranted: () => void): () => void {
    const claim: Claim = { bytes: Math.min(bytes, this.#total), onGranted }
    this.#waiting.push(claim)
    this.#grant()
    return () => {
      const place = this.#waiting.indexOf(claim)
      if (place >= 0) this.#waiting.splice(place, 1)
      else this.#free += claim.bytes
      this.#grant()
    }
  }

  #grant(): void {
    while (this.#waiting[0] && this.#waiting[0].bytes <= this.#free) {
      const claim = this.#waiting.shift()!
      this.#free -= claim.bytes
      claim.onGranted()
    }
  }
}
