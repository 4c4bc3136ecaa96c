/** G out of a checkpoint, ready to paint; D and the moments stay in the file. */
import { type CheckpointState, readCheckpoint } from './checkpoint.js'
import type { Session } from './engines/engine.js'
import { selectEngine } from './engines/index.js'
import { buildStep } from './pix2pix/step.js'

export interface Generator {
  readonly state: CheckpointState
  /** For `generate` alone. */
  readonly session: Session
  close(): Promise<void>
}

export interface GeneratorOptions {
  /** As the option of the train stage. */
  readonly engine: string
  readonly threads?: number | undefined
}

/** @throws {PrepError} as `readCheckpoint` does; `ENGINE_UNAVAILABLE` */
export async function openGenerator(file: string, { engine: name, threads }: GeneratorOptions): Promise<Generator> {
  const { state, tensors } = await readCheckpoint(file, name => /^(ema\.)?G\./.test(name))
  const engine = await selectEngine(name)
  const step = buildStep(state.model)
  const weights = Object.fromEntries(Object.entries(step.weights).filter(([name]) => name.startsWith('G.')))
  const session = await engine.load({ ...step, weights, phases: [] }, tensors, threads === undefined ? {} : { threads })
  return { state, session, close: () => session.dispose() }
}
