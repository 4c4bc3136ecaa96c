/** Where each tensor of a safetensors file lies: planned before anything is written, so tensors can be filled in any order. */

/** Element types and the arrays that hold them. F16 and BF16 are bit patterns, BOOL is a byte of 0 or 1. */
export const DTYPES = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  U32: Uint32Array,
  I32: Int32Array,
  F32: Float32Array,
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
} as const

export type Dtype = keyof typeof DTYPES

export interface TensorSpec {
  readonly dtype: Dtype
  /** Row-major; empty for a scalar. */
  readonly shape: readonly number[]
}

/** A tensor with its values; `dtype` tells the type of `data`. */
export type Tensor<D extends Dtype = Dtype> = D extends Dtype
  ? { readonly dtype: D; readonly shape: readonly number[]; readonly data: InstanceType<(typeof DTYPES)[D]> }
  : never

export type Tensors = Readonly<Record<string, Tensor>>
export type Metadata = Readonly<Record<string, string>>

export interface TensorPlace extends TensorSpec {
  /** Offset of the first byte in the file. */
  readonly start: number
  readonly bytes: number
}

/** What a header says, with absolute offsets. Tensors are in the header's order. */
export interface Layout {
  readonly metadata: Metadata
  readonly tensors: ReadonlyMap<string, TensorPlace>
  /** Offset of the first byte after the header and its padding. */
  readonly dataStart: number
  readonly fileBytes: number
}

export interface PlannedLayout extends Layout {
  /** The file's first `dataStart` bytes. */
  readonly header: Uint8Array
}

export interface PlanOptions {
  /** The data start is a multiple of this (a multiple of 8): 4096 lets rows be read straight into pages. */
  readonly align?: number
  /** The data start is at least this: leaves room for a header whose shapes are known only at the end. */
  readonly dataStart?: number
}

export const elementBytes = (dtype: Dtype): number => DTYPES[dtype].BYTES_PER_ELEMENT
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)
export const tensorBytes = ({ dtype, shape }: TensorSpec): number => elementCount(shape) * elementBytes(dtype)

/**
 * Lay tensors out one after the other in the order given, the header padded with spaces up to the data.
 *
 * The same arguments give the same bytes.
 */
export function planSafetensors(
  specs: Readonly<Record<string, TensorSpec>>,
  metadata: Metadata = {},
  { align = 8, dataStart: atLeast = 0 }: PlanOptions = {},
): PlannedLayout {
  let end = 0
  const entries = Object.entries(specs).map(([name, { dtype, shape }]) => {
    const start = end
    end += tensorBytes({ dtype, shape })
    return [name, { dtype, shape, data_offsets: [start, end] as [number, number] }] as const
  })
  const described = Object.keys(metadata).length > 0 ? [['__metadata__', metadata] as const] : []
  const json = Buffer.from(JSON.stringify(Object.fromEntries([...described, ...entries])))
  const dataStart = Math.ceil(Math.max(8 + json.length, atLeast) / align) * align
  const header = Buffer.alloc(dataStart, ' ')
  header.writeBigUInt64LE(BigInt(dataStart - 8))
  header.set(json, 8)
  const tensors = new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, stop],
        },
      ]) => [name, { dtype, shape, start: dataStart + start, bytes: stop - start }],
    ),
  )
  return { metadata, tensors, dataStart, fileBytes: dataStart + end, header }
}
