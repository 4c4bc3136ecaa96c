/** The other side of a `HelperProcess`: one set-up, then requests one by one. */
import { Worker } from 'node:worker_threads'
import { packError } from '../trainer/messages.js'
import type { FromHelper } from './helper-process.js'

/** Errors of the set-up are the answer to every request. */
export function serveRequests<Setup, Request, Reply>(
  open: (setup: Setup) => Promise<(request: Request) => Promise<Reply>>,
): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  new Worker(new URL('../trainer/lifeline.js', import.meta.url)).unref()
  let answer: Promise<(request: Request) => Promise<Reply>> | undefined
  const say = (message: FromHelper<Reply>): void => void (process.connected && process.send!(message, () => {}))
  process.on('message', (message: { setup: Setup } | { request: Request }) => {
    if ('setup' in message) {
      answer = open(message.setup)
      answer.catch(() => {})
      return
    }
    answer!
      .then(ask => ask(message.request))
      .then(
        reply => say({ reply }),
        error => say({ error: packError(error) }),
      )
  })
}
