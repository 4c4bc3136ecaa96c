/** The messages and field numbers of event.proto, summary.proto and tensor.proto that TensorBoard needs of us. */

export const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const
export const SUMMARY = { value: 1 } as const
export const VALUE = { tag: 1, simpleValue: 2, tensor: 8, metadata: 9 } as const
export const METADATA = { pluginData: 1, dataClass: 4 } as const
export const PLUGIN_DATA = { name: 1 } as const
/** What the values of a tag are, so that the reader need not know the plugin. */
export const DATA_CLASS = { tensor: 2, blobSequence: 3 } as const
export const TENSOR = { type: 1, shape: 2, strings: 8 } as const
export const TENSOR_TYPE = { string: 7 } as const
export const SHAPE = { dimension: 2 } as const
export const DIMENSION = { size: 1 } as const
