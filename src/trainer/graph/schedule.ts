/** The order in which an engine that computes value by value does a step, and when it may forget what. */
import { inOrder, outputsOf, type Phase, phasesOf, type Value } from './graph.js'

export interface Turn {
  readonly value: Value
  /** What nobody needs once this value is there. */
  readonly drops: readonly Value[]
}

export interface PhaseTurns {
  readonly turns: readonly Turn[]
  /** What nobody needs once the phase's updates are done. */
  readonly drops: readonly Value[]
}

/**
 * Every value once, in the earliest phase that has its weights. Weights have no turn: they are read as they stand.
 *
 * @param shown  values that the whole step is to keep
 */
export function scheduleStep(phases: readonly Phase[], shown: readonly Value[] = []): PhaseTurns[] {
  const values = inOrder([...phases.flatMap(outputsOf), ...shown])
  const born = phasesOf(values)
  const computed = values.filter(({ kind }) => kind !== 'weight')
  const byPhase = phases.map((_, at) => computed.filter(value => born.get(value) === at))

  const keep = new Set(shown)
  const drops = new Map<object, Value[]>(phases.map(phase => [phase, []]))
  const forgotten = new Set<Value>()
  // backwards: where a value is first met is where it is used last
  const meet = (value: Value, place: object): void => {
    if (value.kind === 'weight' || keep.has(value) || forgotten.has(value)) return
    forgotten.add(value)
    drops.set(place, [...(drops.get(place) ?? []), value])
  }
  for (const [at, phase] of [...phases.entries()].reverse()) {
    for (const output of outputsOf(phase)) meet(output, phase)
    for (const value of byPhase[at]!.toReversed()) {
      for (const input of value.inputs) meet(input, value)
      meet(value, value)
    }
  }
  return phases.map((phase, at) => ({
    turns: byPhase[at]!.map(value => ({ value, drops: drops.get(value) ?? [] })),
    drops: drops.get(phase)!,
  }))
}
