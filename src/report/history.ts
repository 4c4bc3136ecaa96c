/** What run.jsonl tells: every time a pipeline was run, how each ended, what was warned of, how training went. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { PrepError } from '../errors.js'
import type { RunEvent } from '../pipeline/events.js'
import type { TrainEvent } from '../trainer/events.js'
import type { Attempt, OutcomeStatus } from './facts.js'

type Logged = RunEvent & { readonly at: string }
type Of<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>

export interface History {
  readonly attempts: readonly Attempt[]
  /** How the last one ended, if it did. */
  readonly end?: { readonly code?: string; readonly message?: string } | undefined
  /** When something was heard last. */
  readonly lastAt?: string | undefined
  /** By stage: what was warned of when it was last made. */
  readonly warnings: ReadonlyMap<string, readonly string[]>
  /** Of the newest training. */
  readonly started?: Of<'train-start'> | undefined
  readonly epochs: readonly LoggedEpoch[]
}

export interface LoggedEpoch {
  readonly epoch: number
  readonly step: number
  readonly at: string
  readonly speed?: Of<'epoch'>['speed'] | undefined
}

const ENDS: ReadonlyMap<string, OutcomeStatus> = new Map([
  ['done', 'done'],
  ['unchanged', 'done'],
  ['interrupted', 'interrupted'],
  ['failed', 'failed'],
])

/** A log that is missing tells nothing; lines that are torn or none of ours are passed over. */
export async function readHistory(path: string): Promise<History> {
  const attempts: (Attempt & { made: string[] })[] = []
  const warnings = new Map<string, string[]>()
  const epochs = new Map<number, LoggedEpoch>()
  let end: History['end']
  let lastAt: string | undefined
  let stage = ''
  let started: Of<'train-start'> | undefined
  for await (const event of linesOf(path)) {
    const { at } = event
    lastAt = at
    switch (event.type) {
      case 'run-start':
        attempts.push({ began: at, status: 'lost', made: [] })
        end = undefined
        break
      case 'step-start':
        stage = event.stage
        if (event.reason === 'unchanged') break
        attempts.at(-1)?.made.push(stage)
        warnings.delete(stage)
        break
      case 'warning':
        warnings.set(stage, [...(warnings.get(stage) ?? []), event.message])
        break
      case 'run-end': {
        const { seconds, code, message } = event
        const last = attempts.pop()
        const status = ENDS.get(event.status) ?? 'unknown'
        attempts.push({ began: at, made: [], ...last, ended: at, status, seconds, ...(code && { code }) })
        end = { ...(code && { code }), ...(message && { message }) }
        break
      }
      case 'train':
        if (event.event.type === 'train-start') {
          started = event.event
          const from = started.resumed?.step ?? 0
          for (const { epoch, step } of [...epochs.values()]) if (step > from) epochs.delete(epoch)
        } else if (event.event.type === 'epoch') {
          const { epoch, step, speed } = event.event
          epochs.set(epoch, { epoch, step, at, speed })
        }
        break
    }
  }
  return { attempts, end, lastAt, warnings, started, epochs: [...epochs.values()] }
}

async function* linesOf(path: string): AsyncGenerator<Logged> {
  const lines = createInterface({ input: createReadStream(path) })
  try {
    for await (const line of lines) {
      const event = parseEvent(line)
      if (event) yield event
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new PrepError('FILE_UNREADABLE', `${path} cannot be read`, { hint: 'check its permissions', cause: error })
  }
}

function parseEvent(line: string): Logged | undefined {
  try {
    const event = JSON.parse(line) as Logged
    return typeof event.type === 'string' && typeof event.at === 'string' ? event : undefined
  } catch {
    return undefined
  }
}
