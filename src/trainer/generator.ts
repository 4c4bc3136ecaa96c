/** G out of a checkpoint, ready to paint; D and the moments stay in the file. */

import type { Size } from './augment.js'
import { type CheckpointState, readCheckpoint } from './checkpoint.js'
import type { Session } from './engines/engine.js'
import { selectEngine } from './engines/index.js'
import { buildGenerator } from './pix2pix/step.js'
import { paintingWeights } from './pretrained.js'

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
  /** Of the images, where it is not training's: sides that 2^downs divides. */
  readonly size?: Size
}

/** @throws {PrepError} as `readCheckpoint` does; `ENGINE_UNAVAILABLE` */
export async function openGenerator(
  file: string,
  { engine: name, threads, size }: GeneratorOptions,
): Promise<Generator> {
  const { state, tensors } = await readCheckpoint(file, name => /^(ema\.)?G\./.test(name))
  const engine = await selectEngine(name)
  const graph = buildGenerator({ ...state.model, ...size })
  const session = await engine.load(graph, paintingWeights(tensors), threads === undefined ? {} : { threads })
  return { state, session, close: () => session.dispose() }
}
