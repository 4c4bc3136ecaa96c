/**
 * Cuts a step into parts that are run one after another, each a model: where weights change, and within a phase where a
 * model would hold too much at once. A later part is handed the costly values of the earlier ones and computes the cheap
 * ones again: less memory to hold, and nothing that takes time is done twice.
 */
import { inOrder, outputsOf, type Phase, phasesOf, sizeOf, type Value } from '../../graph/graph.js'

/** Those of a phase's losses, gradients and buffers that this part computes, and what it has to do with other parts. */
export interface Part extends Phase {
  /** Values that later parts are handed, or that are shown when the step is done. */
  readonly kept: ReadonlySet<Value>
  /** Values that this part is handed, with the names under which it is fed. */
  readonly given: ReadonlyMap<Value, string>
  /** Of both, those that no later part needs. */
  readonly spent: readonly Value[]
  /** Weights that no later part of the phase reads, and whose gradients are there: time to update them. */
  readonly settled: readonly string[]
}

/**
 * @param shown  values of the first phase to be kept to the end of the step
 * @param most  bytes of values after which a phase is cut, at the next place that costs little
 * @returns the parts of each phase
 */
export function cut(phases: readonly Phase[], shown: readonly Value[], most: number): Part[][] {
  const order = inOrder([...phases.flatMap(phase => byDepth(outputsOf(phase))), ...shown])
  const phaseOf = phasesOf(order)
  const stretches = phases.flatMap((phase, at) => {
    const values = order.filter(value => phaseOf.get(value) === at)
    return divide(values, most).map(values => ({ phase, values }))
  })
  const parts = link(stretches, shown)
  return phases.map(phase => parts.filter((_, at) => stretches[at]!.phase === phase))
}

/** Those that can be computed first come first: gradients of the last layers before those of the layers behind them. */
function byDepth(outputs: readonly Value[]): Value[] {
  const depths = new Map<Value, number>()
  for (const value of inOrder(outputs))
    depths.set(value, 1 + Math.max(0, ...value.inputs.map(input => depths.get(input)!)))
  return [...outputs].sort((a, b) => depths.get(a)! - depths.get(b)!)
}

/**
 * Divide values right after convolutions of images, from which what follows can be computed again; but not between one
 * and its bias, and not while a filter gradient waits for another that it is added to.
 */
function divide(order: readonly Value[], most: number): Value[][] {
  const lastUse = new Map(order.flatMap((value, at) => value.inputs.map(input => [input, at] as const)))
  const stretches: Value[][] = [[]]
  let [bytes, waitsTo] = [0, 0]
  order.forEach((value, at) => {
    stretches.at(-1)!.push(value)
    bytes += 4 * sizeOf(value.shape)
    const user = lastUse.get(value) ?? at
    if (value.kind === 'convFilter' || order[user]!.kind === 'addBias') waitsTo = Math.max(waitsTo, user)
    if (bytes < most || !isConvolved(value) || waitsTo > at || at === order.length - 1) return
    stretches.push([])
    bytes = 0
  })
  return stretches
}

interface Stretch {
  readonly phase: Phase
  readonly values: readonly Value[]
}

/** What each part computes, is handed and hands on, and for which values and weights it is the last. */
function link(stretches: readonly Stretch[], shown: readonly Value[]): Part[] {
  const bornIn = new Map(stretches.flatMap(({ values }, at) => values.map(value => [value, at] as const)))
  // some of a phase's losses may be of values of an earlier one
  const dueIn = (phase: Phase, value: Value): number =>
    Math.max(
      bornIn.get(value)!,
      stretches.findIndex(stretch => stretch.phase === phase),
    )
  const parts = stretches.map(({ phase }, at) => {
    const own = (values: Readonly<Record<string, Value>>): Record<string, Value> =>
      Object.fromEntries(Object.entries(values).filter(([, value]) => dueIn(phase, value) === at))
    return {
      losses: own(phase.losses),
      gradients: own(phase.gradients),
      buffers: own(phase.buffers),
      kept: new Set(shown.filter(value => bornIn.get(value) === at)),
      given: new Map<Value, string>(),
      spent: [] as Value[],
      settled: [] as string[],
    }
  })
  const used = new Set<Value>(shown)
  const readLater = new Map(stretches.map(({ phase }) => [phase, new Set<string>()]))
  // the last part first: what it is handed, earlier ones must compute
  for (let at = parts.length - 1; at >= 0; at--) {
    const { kept, given, spent, settled, ...outputs } = parts[at]!
    const { phase } = stretches[at]!
    const read = new Set<string>()
    const seen = new Set<Value>()
    const visit = (value: Value): void => {
      if (seen.has(value)) return
      seen.add(value)
      if (value.kind === 'weight') read.add(value.attributes.name)
      const born = bornIn.get(value)!
      if (born === at || !isCostly(value)) {
        value.inputs.forEach(visit)
        return
      }
      parts[born]!.kept.add(value)
      given.set(value, `given_${given.size}`)
      if (!used.has(value)) spent.push(value)
      used.add(value)
    }
    for (const value of [...outputsOf(outputs), ...kept]) visit(value)
    const later = readLater.get(phase)!
    for (const [name, gradient] of Object.entries(phase.gradients)) {
      const due = dueIn(phase, gradient)
      if (due <= at && !later.has(name) && (read.has(name) || due === at)) settled.push(name)
    }
    for (const name of read) later.add(name)
  }
  return parts
}

/** Convolutions of images, with their bias where they have one. */
function isConvolved(value: Value): boolean {
  const { kind } = value.kind === 'addBias' ? value.inputs[0]! : value
  return kind === 'conv' || kind === 'convTranspose'
}

/** What is handed on instead of being computed again. */
const isCostly = (value: Value): boolean => isConvolved(value) || value.kind === 'convFilter'
