/** A process that answers one request at a time, beside the server, which goes on whatever native code does there. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PrepError } from '../errors.js'
import { type SentError, unpackError } from '../trainer/messages.js'
import { TRAINER_ENVIRONMENT } from '../trainer/run.js'
import { workerEntry } from '../workers/entry.js'

export type FromHelper<Reply> = { readonly reply: Reply } | { readonly error: SentError }

/** Starts with the first request, and anew with the one after its death; ends with this process, however that ends. */
export class HelperProcess<Setup, Request, Reply> {
  #child: ChildProcess | undefined
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  /**
   * @param module  path inside dist/
   * @param setup   said once to each process, before its requests
   */
  constructor(
    readonly module: string,
    readonly setup: Setup,
    readonly timeoutMs: number,
  ) {}

  /**
   * Requests are answered in order.
   * @throws what the process threw; {PrepError} `WORKER_DIED` when it ended or took too long
   */
  ask(request: Request): Promise<Reply> {
    const answer = this.#last.then(() => this.#ask(request))
    this.#last = answer.catch(() => {})
    return answer
  }

  #ask(request: Request): Promise<Reply> {
    if (this.#closed) return Promise.reject(new PrepError('INTERRUPTED', 'the server is ending'))
    const child = (this.#child ??= this.#start())
    return new Promise((resolve, reject) => {
      const died = (): void => {
        settle()
        this.#child = undefined
        reject(
          new PrepError('WORKER_DIED', `${this.module} ended or took more than ${this.timeoutMs / 1000} s`, {
            hint: 'try again: it has been started anew',
          }),
        )
      }
      const timer = setTimeout(() => child.kill('SIGKILL'), this.timeoutMs)
      const answered = (message: FromHelper<Reply>): void => {
        settle()
        if ('error' in message) reject(unpackError(message.error))
        else resolve(message.reply)
      }
      const settle = (): void => {
        clearTimeout(timer)
        child.off('message', answered)
        child.off('exit', died)
      }
      child.on('message', answered)
      child.on('exit', died)
      child.send({ request }, error => {
        if (error) child.kill('SIGKILL')
      })
    })
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(workerEntry(this.module)), [], {
      env: { ...TRAINER_ENVIRONMENT, ...process.env },
      execArgv: [],
      serialization: 'advanced',
      // the process lives while its standard input is open
      stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    })
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    child.on('error', () => {})
    child.send({ setup: this.setup }, () => {})
    return child
  }

  async close(): Promise<void> {
    this.#closed = true
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
}
