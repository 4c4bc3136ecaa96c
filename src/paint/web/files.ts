/** Drawings in and out: files, links, photos that are dropped in, PNGs, and what the browser keeps between visits. */
import type { Drawing } from '../drawing/drawing.js'
import { DrawingError, formatDrawing, formatFragment, parseDrawing, parseFragment } from '../drawing/drawing-file.js'
import type { Manifest } from '../manifest.js'
import type { Canvases } from './canvas.js'
import { say } from './page.js'
import type { StudioState } from './studio-state.js'

export class Files {
  constructor(
    readonly manifest: Manifest,
    readonly state: StudioState,
    readonly canvases: Canvases,
  ) {}

  async open(file: File): Promise<void> {
    try {
      if (file.name.endsWith('.json') || file.type === 'application/json') await this.#openDrawing(await file.text())
      else await this.#openPicture(file)
    } catch (error) {
      if (!(error instanceof DrawingError)) throw error
      say(error.message)
    }
  }

  async #openDrawing(text: string): Promise<void> {
    const { drawing, palette } = await parseDrawing(text, this.manifest.classes.length)
    this.#load(drawing, palette)
  }

  /** A PNG in the colours of the classes is a drawing; any other picture goes to the server, as it is. */
  async #openPicture(file: File): Promise<void> {
    const drawing = await this.#colouredDrawing(file).catch(() => undefined)
    if (drawing) return this.#load(drawing, this.manifest.palette)
    if (this.manifest.model.kind === 'browser' && this.manifest.photos !== true) return say(this.manifest.photos)
    say('Labelling the photo…', { ms: 60_000 })
    const answer = await fetch('open', { method: 'POST', body: file }).catch(() => undefined)
    if (!answer) return say('The server cannot be reached.')
    if (!answer.ok) {
      const { problem, hint } = (await answer.json().catch(() => ({}))) as { problem?: string; hint?: string }
      return say([problem ?? `The server answered ${answer.status}`, hint].filter(Boolean).join('; '), { ms: 9000 })
    }
    this.state.load(new Uint8Array(await answer.arrayBuffer()))
    say(answer.headers.get('X-Prep-From') === 'photo' ? 'Labelled by the palette of the model' : 'Label map opened')
  }

  async #colouredDrawing(file: File): Promise<Drawing | undefined> {
    if (file.type !== 'image/png') return undefined
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' })
    const { width, height } = bitmap
    if (width * height > 2 ** 24) return undefined
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!
    context.drawImage(bitmap, 0, 0)
    const { data } = context.getImageData(0, 0, width, height)
    const known = new Map(this.manifest.classes.map(({ id, display }) => [Number.parseInt(display.slice(1), 16), id]))
    const ids = new Uint8Array(width * height)
    for (let i = 0; i < ids.length; i++) {
      const id = known.get((data[4 * i]! << 16) | (data[4 * i + 1]! << 8) | data[4 * i + 2]!)
      if (id === undefined) return undefined
      ids[i] = id
    }
    return { width, height, ids }
  }

  /** Of another size: scaled by nearest neighbour. */
  #load({ width, height, ids }: Drawing, palette: string): void {
    const { drawing } = this.state
    const same = width === drawing.width && height === drawing.height
    const scaled = new Uint8Array(drawing.ids.length)
    for (let y = 0; y < drawing.height; y++)
      for (let x = 0; x < drawing.width; x++)
        scaled[y * drawing.width + x] =
          ids[
            Math.floor(((y + 0.5) * height) / drawing.height) * width + Math.floor(((x + 0.5) * width) / drawing.width)
          ]!
    this.state.load(scaled)
    const notes = [
      ...(same ? [] : [`it was ${width}x${height} and has been scaled`]),
      ...(this.manifest.palette.startsWith(palette)
        ? []
        : ['it was made with another palette: classes may mean other things']),
    ]
    if (notes.length > 0) say(`The drawing is open; ${notes.join(', and ')}.`)
  }

  async openMap(url: string): Promise<void> {
    const ids = await this.map(url)
    if (ids) this.state.load(ids)
    else say('The label map cannot be read.')
  }

  async map(url: string): Promise<Uint8Array | undefined> {
    const answer = await fetch(url).catch(() => undefined)
    return answer?.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined
  }

  async saveDrawing(): Promise<void> {
    download(new Blob([await this.#text()], { type: 'application/json' }), 'drawing.json')
  }

  async savePng(what: 'photo' | 'drawing' | 'both'): Promise<void> {
    const { photo, labels } = this.canvases
    const parts = what === 'photo' ? [photo] : what === 'drawing' ? [labels] : [labels, photo]
    const canvas = new OffscreenCanvas(labels.width * parts.length, labels.height)
    const context = canvas.getContext('2d')!
    for (const [i, part] of parts.entries()) context.drawImage(part, i * labels.width, 0)
    download(await canvas.convertToBlob({ type: 'image/png' }), `${what}.png`)
  }

  async share(): Promise<void> {
    const fragment = await formatFragment(this.#file())
    if (!fragment) {
      await this.saveDrawing()
      return say('The drawing is too rich for a link, so it has been saved as a file to send instead.')
    }
    const link = `${location.href.replace(/[?#].*/, '')}#${fragment}`
    history.replaceState(null, '', link)
    const copied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    )
    say(
      copied ? 'A link that holds the drawing has been copied.' : 'The link is in the address bar now: copy it there.',
    )
  }

  /** The drawing of the link, else that of the last visit. */
  async restore(): Promise<void> {
    try {
      const linked = await parseFragment(location.hash, this.manifest.classes.length)
      if (linked) return this.#load(linked.drawing, linked.palette)
      const kept = localStorage.getItem(this.#key)
      if (kept) await this.#openDrawing(kept)
    } catch (error) {
      if (error instanceof DrawingError) say(error.message)
    }
  }

  async keep(): Promise<void> {
    const text = await this.#text()
    try {
      localStorage.setItem(this.#key, text)
    } catch {
      // storage that is full or forbidden costs a convenience
    }
  }

  get #key(): string {
    return `prep-drawing-${this.manifest.palette}-${this.manifest.width}x${this.manifest.height}`
  }

  #file(): { drawing: Drawing; palette: string } {
    return { drawing: this.state.drawing, palette: this.manifest.palette }
  }

  #text(): Promise<string> {
    return formatDrawing(this.#file())
  }
}

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
