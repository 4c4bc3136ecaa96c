/** An ONNX model as plain data: the part of the format that engines and exports use. */

/** The element types we write, with their numbers in the format. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const
export type ElementType = keyof typeof ELEMENT_TYPES

/** An attribute says its type, as 1 may be an integer or a float. */
export type OnnxAttribute =
  | { readonly float: number }
  | { readonly int: number }
  | { readonly string: string }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] }

export interface OnnxNode {
  readonly op: string
  /** Names of values; an empty name is an optional input left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  /** Of the operator set; '' is ONNX's own. */
  readonly domain?: string
}

export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** 16-bit words are the bits of float16. */
  readonly data: Float32Array | BigInt64Array | Uint16Array
}

export interface OnnxValueInfo {
  readonly name: string
  readonly type: ElementType
  /** Left out where it follows from the graph. */
  readonly shape?: readonly number[]
}

export interface OnnxModel {
  readonly name: string
  /** Operator set versions by domain. */
  readonly opsets: Readonly<Record<string, number>>
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  /** What is to be known about the model, by name; runtimes hand it on. */
  readonly metadata?: Readonly<Record<string, string>>
}
