/** Reverse-mode differentiation: one walk from the loss back to the weights, adding a value per rule of ops.ts. */
import { inOrder, type Kind, type Node, type Value } from './graph.js'
import { add, fill, rules } from './ops.js'

/**
 * The gradient of a scalar with respect to each of `targets`, as new values of the graph.
 *
 * Only paths that lead to a target are differentiated, so anything else is constant (the paper's "detach").
 * @returns in the order of `targets`; undefined for one that the loss does not depend on
 * @throws {Error} when a path goes through an op without a gradient
 */
export function gradients(loss: Value, targets: readonly Value[]): (Value | undefined)[] {
  const order = inOrder([loss])
  const leads = new Set<Value>(targets)
  for (const value of order) if (value.inputs.some(input => leads.has(input))) leads.add(value)

  const found = new Map<Value, Value>([[loss, fill(1, loss.shape)]])
  for (const value of order.reverse()) {
    const g = found.get(value)
    if (!g || !leads.has(value) || value.inputs.length === 0) continue
    const rule = rules[value.kind] as { gradient?(node: Node<Kind>, g: Value): readonly (Value | undefined)[] }
    if (!rule.gradient) throw new Error(`gradients: ${value.kind} has no gradient`)
    const flows = rule.gradient(value as Node<Kind>, g)
    value.inputs.forEach((input, i) => {
      const flow = flows[i]
      if (!flow || !leads.has(input)) return
      const sofar = found.get(input)
      found.set(input, sofar ? add(sofar, flow) : flow)
    })
  }
  return targets.map(target => found.get(target))
}
