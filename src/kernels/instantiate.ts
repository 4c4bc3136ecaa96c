/** Turns a committed kernel (base64) into functions over a memory of the caller's. */

/** The part of WebAssembly used here; neither the es2023 library nor Node's types declare it. */
declare namespace WebAssembly {
  class Memory {
    constructor(pages: { initial: number; maximum?: number })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } })
    readonly exports: unknown
  }
}

const PAGE = 65536

export interface Kernel<Exports> {
  readonly run: Exports
  /** The memory as it is now, at least `bytes` long; views of an earlier call are void once it had to grow. */
  reserve(bytes: number): ArrayBuffer
}

/** @param base64  the default export of a `NAME.wasm.ts` */
export function instantiate<Exports>(base64: string): Kernel<Exports> {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const module = new WebAssembly.Module(Buffer.from(base64, 'base64'))
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return {
    run: exports as Exports,
    reserve(bytes) {
      const missing = bytes - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / PAGE))
      return memory.buffer
    },
  }
}
