/**
 * Cuts a step into one model per phase. A later phase is handed the costly values of the earlier ones and computes the
 * cheap ones again: less memory to hold, and nothing that takes time is done twice.
 */
import { inOrder, type Phase, phasesOf, type Value } from '../../graph/graph.js'

export interface Part {
  readonly phase: Phase
  /** Values that later phases are handed. */
  readonly kept: ReadonlySet<Value>
  /** Values that this phase is handed, with the names under which it is fed. */
  readonly given: ReadonlyMap<Value, string>
}

export function cut(phases: readonly Phase[]): Part[] {
  const outputsOf = (phase: Phase): Value[] =>
    [phase.losses, phase.gradients, phase.buffers].flatMap(values => Object.values(values))
  const bornIn = phasesOf(inOrder(phases.flatMap(outputsOf)))
  const parts = phases.map(phase => ({ phase, kept: new Set<Value>(), given: new Map<Value, string>() }))

  parts.forEach(({ phase, given }, at) => {
    const seen = new Set<Value>()
    const visit = (value: Value): void => {
      if (seen.has(value)) return
      seen.add(value)
      const born = bornIn.get(value)!
      if (born < at && isCostly(value)) {
        parts[born]!.kept.add(value)
        given.set(value, `given_${given.size}`)
      } else value.inputs.forEach(visit)
    }
    outputsOf(phase).forEach(visit)
  })
  return parts
}

/** Convolutions, with their bias where they have one. */
function isCostly({ kind, inputs }: Value): boolean {
  const inner = kind === 'addBias' ? inputs[0]!.kind : kind
  return inner === 'conv' || inner === 'convTranspose' || inner === 'convFilter'
}
