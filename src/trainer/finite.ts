/** Which of a net's tensors have gone bad: once a loss is no number, its weights are soon. */
import type { Tensors } from './engines/engine.js'

/** A float64 sum of finite float32 values cannot overflow, and one value that is not finite spoils it. */
function isFinite32(data: Float32Array): boolean {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i]!
  return Number.isFinite(sum)
}

/** The tensors that hold a value that is not finite, in the order of the nets: the first is where it began, or near. */
export const notFinite = (tensors: Tensors): string[] =>
  Object.keys(tensors).filter(name => !isFinite32(tensors[name]!.data))

/** `G.model.0.weight holds values that are not finite (as do 7 other tensors)`; undefined when all is well. */
export function describeNotFinite(tensors: Tensors): string | undefined {
  const [first, ...others] = notFinite(tensors)
  if (first === undefined) return undefined
  const more = others.length === 0 ? '' : ` (as do ${others.length} other tensors)`
  return `${first} holds values that are not finite${more}`
}
