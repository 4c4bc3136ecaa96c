/** The engines, best first, and the choice among them. */
import { PrepError } from '../../errors.js'
import type { Engine, EngineName, Probe } from './engine.js'
import { onnxCpu } from './onnx/engine.js'
import { reference } from './reference/engine.js'

/** Every engine we have, in the order in which `auto` tries them. */
export const engines: readonly Engine[] = [onnxCpu, reference]

export interface ProbedEngine {
  readonly name: EngineName
  readonly probe: Probe
}

/** What every engine says about itself on this machine (for `prep doctor`). */
export function probeEngines(): Promise<ProbedEngine[]> {
  return Promise.all(engines.map(async engine => ({ name: engine.name, probe: await engine.probe() })))
}

/**
 * The engine of that name, or with `auto` the first that can run here; `reference` is an oracle and only by name.
 *
 * @throws {PrepError} `ENGINE_UNAVAILABLE` with the reason and hint of each engine tried
 */
export async function selectEngine(name: string): Promise<Engine> {
  const tried = engines.filter(engine => (name === 'auto' ? engine !== reference : engine.name === name))
  if (tried.length === 0) {
    const names = ['auto', ...engines.map(engine => engine.name)].join(', ')
    throw new PrepError('ENGINE_UNAVAILABLE', `engine: expected one of ${names}, found ${name}`, {
      hint: 'engine: auto takes the best that runs here',
    })
  }
  const reasons: string[] = []
  const hints: string[] = []
  for (const engine of tried) {
    const probe = await engine.probe()
    if (probe.available) return engine
    reasons.push(`${engine.name}: ${probe.reason}`)
    hints.push(probe.hint)
  }
  throw new PrepError('ENGINE_UNAVAILABLE', `no engine can run here\n${reasons.join('\n')}`, { hint: hints.join('; ') })
}
