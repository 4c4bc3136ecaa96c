/** Those who make photos of drawings: the server over its socket, or a worker in the browser. Newest wins in both. */
import type { Manifest } from '../manifest.js'
import { readPicture } from '../picture-message.js'

export interface MadePhoto {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
  /** From asking to having it, and of that computing. */
  readonly totalMs: number
  readonly computeMs: number
}

export interface Listener {
  photo(photo: MadePhoto): void
  /** How it goes: loading, connected anew, what went wrong. */
  state(text: string, bad?: boolean): void
}

export interface PhotoMaker {
  /** Ask for the photo of these ids; one that is still asked for is given up. */
  ask(ids: Uint8Array): void
}

export const openPhotoMaker = (manifest: Manifest, listener: Listener): PhotoMaker =>
  manifest.model.kind === 'server' ? new ServerMaker(listener) : new BrowserMaker(manifest, listener)

/** One request under way and the newest that waits: what lies between is never sent. */
abstract class OneByOne implements PhotoMaker {
  #busy = false
  #waiting: Uint8Array | undefined
  #asked = 0

  constructor(readonly listener: Listener) {}

  ask(ids: Uint8Array): void {
    this.#waiting = ids.slice()
    this.next()
  }

  protected abstract ready(): boolean
  protected abstract send(ids: Uint8Array): void

  protected next(): void {
    if (this.#busy || !this.#waiting || !this.ready()) return
    this.#busy = true
    this.#asked = performance.now()
    const ids = this.#waiting
    this.#waiting = undefined
    this.send(ids)
  }

  protected answered(photo?: Omit<MadePhoto, 'totalMs'>): void {
    this.#busy = false
    if (photo) this.listener.photo({ ...photo, totalMs: performance.now() - this.#asked })
    this.next()
  }

  /** What was under way is lost: it is asked for again unless something newer waits. */
  protected lost(ids: Uint8Array | undefined): void {
    this.#busy = false
    this.#waiting ??= ids
  }
}

class ServerMaker extends OneByOne {
  #socket: WebSocket | undefined
  #number = 0
  #sent: Uint8Array | undefined
  #retryMs = 500

  constructor(listener: Listener) {
    super(listener)
    this.#connect()
  }

  protected ready(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN
  }

  protected send(ids: Uint8Array): void {
    this.#sent = ids
    const request = new Uint8Array(4 + ids.length)
    new DataView(request.buffer).setUint32(0, ++this.#number, true)
    request.set(ids, 4)
    this.#socket!.send(request)
  }

  #connect(): void {
    const socket = new WebSocket(new URL('pictures', location.href.replace(/^http/, 'ws').replace(/[?#].*/, '')))
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.#retryMs = 500
      this.listener.state('Connected')
      this.next()
    }
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data !== 'string') return this.answered(readPicture(data))
      const { problem, hint, replaced } = JSON.parse(data) as { problem?: string; hint?: string; replaced?: boolean }
      if (!replaced) this.listener.state([problem, hint].filter(Boolean).join('; '), true)
      this.answered()
    }
    socket.onclose = () => {
      this.lost(this.#sent)
      this.listener.state('The server is away. Drawing goes on; trying again…', true)
      setTimeout(() => this.#reconnect(), this.#retryMs)
      this.#retryMs = Math.min(8000, 2 * this.#retryMs)
    }
  }

  async #reconnect(): Promise<void> {
    const answer = await fetch('paint.json').catch(() => undefined)
    if (answer?.status === 403)
      return this.listener.state('prep paint was started anew: open the link that it printed.', true)
    this.#connect()
  }
}

class BrowserMaker extends OneByOne {
  readonly #worker: Worker
  #open = false

  constructor(manifest: Manifest, listener: Listener) {
    super(listener)
    this.#worker = new Worker(new URL('./model-worker.ts', import.meta.url), { type: 'module' })
    this.#worker.onmessage = ({ data }: MessageEvent<FromModel>) => {
      if ('state' in data) listener.state(data.state, data.bad)
      else if ('ready' in data) this.#open = true
      else return this.answered(data)
      if ('failed' in data) this.answered()
      this.next()
    }
    this.#worker.onerror = event => listener.state(`The model cannot run in this browser: ${event.message}`, true)
    const { model, width, height } = manifest
    if (model.kind === 'browser')
      this.#worker.postMessage({
        url: new URL(model.url, document.baseURI).href,
        bytes: model.bytes,
        width,
        height,
        base: document.baseURI.replace(/[?#].*/, ''),
      })
  }

  protected ready(): boolean {
    return this.#open
  }

  protected send(ids: Uint8Array): void {
    this.#worker.postMessage({ ids })
  }
}

export type FromModel =
  | { readonly state: string; readonly bad?: boolean; readonly failed?: true }
  | { readonly ready: true }
  | Omit<MadePhoto, 'totalMs'>
