/** The trainer's process: one job, and its result is the last that it says. */
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type FromTrainer, packError, type ToTrainer } from './messages.js'
import { train } from './train.js'

// A terminal sends its signals to both processes: the other one decides, and asks for a stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
new Worker(new URL('lifeline.js', import.meta.url)).unref()

const say = (message: FromTrainer): void => void (process.connected && process.send!(message, () => {}))
const fail = (thrown: unknown): void => say({ type: 'error', error: packError(thrown) })
// Ending by itself would wait for the lifeline's thread.
process.on('uncaughtException', fail)

let stopping = false
/** Reads what has come in first: an engine may block this thread for a step. */
async function stopped(): Promise<boolean> {
  await setImmediate()
  return stopping
}

process.on('message', (message: ToTrainer) => {
  if (message.type === 'stop') stopping = true
  else
    train(message.job, { emit: event => say({ type: 'event', event }), stopped }).then(
      result => say({ type: 'result', result }),
      fail,
    )
})
