/** The trainer's thread: one job, then it ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { packError, type WorkerData, type WorkerMessage } from './messages.js'
import { train } from './train.js'

const { job, stop } = workerData as WorkerData
const flag = new Int32Array(stop)
const say = (message: WorkerMessage): void => parentPort!.postMessage(message)

try {
  const emit = (event: Extract<WorkerMessage, { type: 'event' }>['event']): void => say({ type: 'event', event })
  say({ type: 'result', result: await train(job, { emit, stopped: () => Atomics.load(flag, 0) !== 0 }) })
} catch (error) {
  say({ type: 'error', error: packError(error) })
}
