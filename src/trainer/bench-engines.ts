/** The engines of this machine against each other: seconds of a training step of the same net on made-up images. */
import { chooseEngine, engines, enginesNamed } from './engines/index.js'
import { noiseBatch } from './engines/noise.js'
import { type Pix2PixOptions, pix2pixConfig } from './pix2pix/model.js'
import { buildStep, initialWeights } from './pix2pix/step.js'
import { randomAt, unitNumbers } from './random.js'

export interface EngineBench {
  /** Pixels of a side. */
  readonly size: number
  readonly batch: number
  /** Steps that count; one before them warms up. */
  readonly steps: number
  /** Channels of the first layers. */
  readonly width: number
}

export type EngineTiming =
  | { readonly engine: string; readonly device: string; readonly seconds: number; readonly imagesPerSecond: number }
  | { readonly engine: string; readonly reason: string }

/**
 * Time every engine in turn; those in JavaScript only when `names` asks for them.
 *
 * @returns as each is done; an engine that cannot run, or fails its self-test, is told with its reason
 * @throws {PrepError} `ENGINE_UNAVAILABLE` when a name is none of an engine
 */
export async function* benchEngines(
  { size, batch, steps, width }: EngineBench,
  names: readonly string[],
): AsyncGenerator<EngineTiming> {
  const options: Pix2PixOptions = { width: size, height: size, labelChannels: 8, batch, ngf: width, ndf: width }
  const config = pix2pixConfig(options)
  const asked =
    names.length > 0 ? names.flatMap(name => enginesNamed(name)) : engines.filter(({ name }) => name !== 'reference')
  for (const { name, probe } of asked) {
    const probed = await probe()
    if (!probed.available) {
      yield { engine: name, reason: probed.reason }
      continue
    }
    if (names.length === 0 && probed.kind === 'javascript') {
      yield { engine: name, reason: `${probed.device}; timed when asked for by --engine ${name}` }
      continue
    }
    try {
      const { engine, device } = await chooseEngine(name)
      const random = unitNumbers(randomAt(1, 'init'))
      const session = await engine.load(buildStep(config), initialWeights(config, random))
      const fed = noiseBatch(config, random)
      const times: number[] = []
      try {
        for (let step = 0; step <= steps; step++) {
          const began = performance.now()
          await session.step(fed, { G: 2e-4, D: 2e-4 })
          if (step > 0) times.push((performance.now() - began) / 1000)
        }
      } finally {
        await session.dispose()
      }
      const seconds = times.sort((a, b) => a - b)[times.length >> 1]!
      yield { engine: name, device, seconds, imagesPerSecond: batch / seconds }
    } catch (error) {
      yield { engine: name, reason: error instanceof Error ? error.message.split('\n').at(-1)! : String(error) }
    }
  }
}
