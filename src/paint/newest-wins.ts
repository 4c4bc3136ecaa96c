/** Requests of many painters for one that paints: each waits with its newest alone, and all get their turn. */

/** What came of a request: painted, or replaced by a newer one of the same painter before its turn came. */
export type Outcome<Reply> = { readonly replaced: true } | { readonly replaced: false; readonly reply: Reply }

export class NewestWins<Request, Reply> {
  readonly #waiting = new Map<object, { request: Request; settle: (outcome: Promise<Outcome<Reply>>) => void }>()
  #busy = false

  constructor(readonly work: (request: Request) => Promise<Reply>) {}

  /** @param painter  whose request it is @returns rejects as `work` does */
  ask(painter: object, request: Request): Promise<Outcome<Reply>> {
    const older = this.#waiting.get(painter)
    older?.settle(Promise.resolve({ replaced: true }))
    return new Promise<Outcome<Reply>>(settle => {
      // a newer request keeps the turn of the one that it replaces
      this.#waiting.set(painter, { request, settle })
      void this.#next()
    })
  }

  /** Forget what a painter waits for. */
  leave(painter: object): void {
    this.#waiting.get(painter)?.settle(Promise.resolve({ replaced: true }))
    this.#waiting.delete(painter)
  }

  async #next(): Promise<void> {
    if (this.#busy) return
    for (;;) {
      const [first] = this.#waiting
      if (!first) return
      const [painter, { request, settle }] = first
      this.#waiting.delete(painter)
      this.#busy = true
      const done = this.work(request)
      settle(done.then(reply => ({ replaced: false, reply })))
      await done.catch(() => {})
      this.#busy = false
    }
  }
}
