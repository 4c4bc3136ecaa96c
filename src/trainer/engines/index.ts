/** The engines, and the choice among them: the fastest kind of device that computes rightly here. */
import { PrepError } from '../../errors.js'
import type { DeviceKind, Engine, EngineName, Probe } from './engine.js'
import { onnxCpu } from './onnx/engine.js'
import { reference } from './reference/engine.js'
import { selfTest } from './self-test.js'
import { tfjs } from './tfjs/engine.js'

/** Every engine we have; of those on one kind of device the faster is first. */
export const engines: readonly Engine[] = [onnxCpu, tfjs, reference]

export interface ProbedEngine {
  readonly name: EngineName
  readonly probe: Probe
}

/** What every engine says about itself on this machine (for `prep doctor`). */
export function probeEngines(): Promise<ProbedEngine[]> {
  return Promise.all(engines.map(async engine => ({ name: engine.name, probe: await engine.probe() })))
}

export interface Choice {
  readonly engine: Engine
  readonly device: string
  /** In words, for people. */
  readonly why: string
}

/** What `auto` takes, best first; JavaScript only by name, for it would take weeks. */
const TRIED: readonly DeviceKind[] = ['gpu', 'native']
const ANY: readonly DeviceKind[] = [...TRIED, 'javascript']

/** @throws {PrepError} `ENGINE_UNAVAILABLE` when there is none of that name */
export function enginesNamed(name: string, among: readonly Engine[] = engines): readonly Engine[] {
  const named = among.filter(engine => name === 'auto' || engine.name === name)
  if (named.length > 0) return named
  const names = ['auto', ...among.map(engine => engine.name)].join(', ')
  throw new PrepError('ENGINE_UNAVAILABLE', `engine: expected one of ${names}, found ${name}`, {
    hint: 'engine: auto takes the best that runs here',
  })
}

const tested = new Map<Engine, Promise<string | undefined>>()
/** Once for each process: a device does not change its mind. */
function testOnce(engine: Engine): Promise<string | undefined> {
  const known = tested.get(engine) ?? selfTest(engine)
  tested.set(engine, known)
  return known
}

/**
 * The engine of that name, or with `auto` the first on the fastest kind of device that passes its self-test.
 *
 * Our own native engine and those in JavaScript are taken untested when asked for by name; tfjs's native code is not
 * ours, and devices and their drivers differ.
 * @throws {PrepError} `ENGINE_UNAVAILABLE` with the reason and hint of each engine tried
 */
export async function chooseEngine(name: string, among: readonly Engine[] = engines): Promise<Choice> {
  const probed = await Promise.all(
    enginesNamed(name, among).map(async engine => ({ engine, probe: await engine.probe() })),
  )
  const reasons: string[] = []
  const hints: string[] = []
  for (const { engine, probe } of probed) {
    if (probe.available) continue
    reasons.push(`${engine.name}: ${probe.reason}`)
    hints.push(probe.hint)
  }
  const trusted = (engine: Engine, kind: DeviceKind): boolean =>
    name !== 'auto' && (engine === onnxCpu || kind === 'javascript')
  for (const wanted of name === 'auto' ? TRIED : ANY) {
    for (const { engine, probe } of probed) {
      if (!probe.available || probe.kind !== wanted) continue
      const { device } = probe
      if (trusted(engine, wanted)) return { engine, device, why: 'asked for by name' }
      const wrong = await testOnce(engine)
      if (wrong === undefined) return { engine, device, why: reasonFor(name, wanted, reasons) }
      reasons.push(`${engine.name} on ${device}: ${wrong}`)
      hints.push('update the driver, or name another engine')
    }
  }
  const hint = hints.join('; ') || 'engine: auto takes the best that runs here'
  throw new PrepError('ENGINE_UNAVAILABLE', `no engine can run here\n${reasons.join('\n')}`, { hint })
}

function reasonFor(name: string, kind: DeviceKind, passedOver: readonly string[]): string {
  const how =
    name === 'auto' ? `the fastest here (${kind === 'gpu' ? 'on the GPU' : 'native code'})` : 'asked for by name'
  const others = passedOver.length ? `; passed over: ${passedOver.join('; ')}` : ''
  return `${how}, its self-test passed${others}`
}

/** The engine alone, as `chooseEngine` chooses it. */
export const selectEngine = async (name: string): Promise<Engine> => (await chooseEngine(name)).engine
