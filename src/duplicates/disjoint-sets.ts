/** Things that belong together, told pair by pair (union-find). */
export class DisjointSets {
  readonly #parent: Uint32Array

  /** @param length  things 0..length-1, each a set of its own */
  constructor(readonly length: number) {
    this.#parent = Uint32Array.from({ length }, (_, i) => i)
  }

  /** The lowest member of the set. */
  find(thing: number): number {
    const parent = this.#parent
    let root = thing
    while (parent[root] !== root) root = parent[root]!
    for (let at = thing; at !== root; ) {
      const next = parent[at]!
      parent[at] = root
      at = next
    }
    return root
  }

  /** The lower root becomes the root of both: whatever the order of the pairs, sets and roots come out the same. */
  unite(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)]
    if (x < y) this.#parent[y] = x
    else this.#parent[x] = y
  }

  /** Members of each set, lowest first, in order of their lowest members. */
  sets(): number[][] {
    const sets = new Map<number, number[]>()
    for (let thing = 0; thing < this.length; thing++) {
      const root = this.find(thing)
      const members = sets.get(root)
      if (members) members.push(thing)
      else sets.set(root, [thing])
    }
    return [...sets.values()]
  }
}
