/** Which TensorFlow.js there is: packages in the order of what they can do, found by importing them. */
import type * as tfjs from '@tensorflow/tfjs-core'
import type { DeviceKind } from '../engine.js'

export type TensorFlow = typeof tfjs

export interface Backend {
  readonly tf: TensorFlow
  /** The package it came from. */
  readonly source: string
  readonly device: string
  readonly kind: DeviceKind
  /** Why the packages before it in the order were not taken, a line each. */
  readonly passedOver: readonly string[]
}

interface Candidate {
  readonly source: string
  load(): Promise<Omit<Backend, 'source' | 'passedOver'>>
}

/** The parts of TensorFlow's Node binding that tfjs-core's types do not know. */
interface NodeBackend {
  readonly isUsingGpuDevice?: boolean
  readonly binding?: { readonly TF_Version?: string }
}

// A variable, so that the compiler does not look for packages that most people do not have.
const importPackage = async (name: string): Promise<TensorFlow> => {
  const found = (await import(name)) as TensorFlow & { readonly default?: TensorFlow }
  return typeof found.tidy === 'function' ? found : found.default!
}

/** A package with TensorFlow's C library: without it, its import throws. */
const native = (name: string): Candidate => ({
  source: `@tensorflow/${name}`,
  load: async () => {
    const tf = await importPackage(`@tensorflow/${name}`)
    await tf.ready()
    // importing alone does not tell: its kernels call what Node 23 took away
    tf.tidy(() => tf.concat([tf.tensor1d([1]), tf.tensor1d([2])]).dataSync())
    const backend = tf.backend() as NodeBackend
    const gpu = backend.isUsingGpuDevice === true
    const version = backend.binding?.TF_Version
    return {
      tf,
      kind: gpu ? 'gpu' : 'native',
      device: `${name} on the ${gpu ? 'GPU' : 'CPU'}${version ? `, TensorFlow ${version}` : ''}`,
    }
  },
})

const plain: Candidate = {
  source: '@tensorflow/tfjs-core',
  load: async () => {
    const tf = await importPackage('@tensorflow/tfjs-core')
    // no banner
    tf.enableProdMode()
    await importPackage('@tensorflow/tfjs-backend-cpu')
    await tf.setBackend('cpu')
    return {
      tf,
      kind: 'javascript',
      device: `tfjs ${tf.version_core} in JavaScript (for tests: hundreds of times slower)`,
    }
  },
}

/** A GPU that its binding cannot use computes on the CPU, so the order is also that of speed. */
const CANDIDATES = [native('tfjs-node-gpu'), native('tfjs-node'), plain] as const

let found: Promise<Backend | readonly string[]> | undefined

/** The first package that loads, or why none does, a line each; looked for once. */
export function findBackend(): Promise<Backend | readonly string[]> {
  found ??= search()
  return found
}

async function search(): Promise<Backend | readonly string[]> {
  const reasons: string[] = []
  for (const { source, load } of CANDIDATES) {
    try {
      return { source, ...(await load()), passedOver: reasons }
    } catch (error) {
      reasons.push(`${source} ${reasonOf(error)}`)
    }
  }
  return reasons
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ERR_MODULE_NOT_FOUND' && message?.includes('@tensorflow')) return 'is not installed'
  return `does not load: ${String(message ?? error).split('\n')[0]}`
}
