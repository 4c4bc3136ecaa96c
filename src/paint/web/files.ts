/** Drawings in and out: files, links, photos that are dropped in, PNGs, and what the browser keeps between visits. */
import type { Drawing } from '../drawing/drawing.js'
import {
  DrawingError,
  type DrawingFile,
  formatDrawing,
  formatFragment,
  parseDrawing,
  parseFragment,
} from '../drawing/drawing-file.js'
import type { Manifest } from '../manifest.js'
import type { Canvases } from './canvas.js'
import { say } from './page.js'
import type { StudioState } from './studio-state.js'

/** Until a drawing is kept: not for each of many small strokes. */
const KEEP_MS = 400

export class Files {
  /** While the drawing of a link or of the last visit is put in place: nothing that the user did. */
  #restoring = false
  #keeping: ReturnType<typeof setTimeout> | undefined

  constructor(
    readonly manifest: Manifest,
    readonly state: StudioState,
    readonly canvases: Canvases,
  ) {}

  open(file: File): Promise<void> {
    return sayingWhatIsWrong(async () => {
      const isDrawing = file.name.endsWith('.json') || file.type === 'application/json'
      if (isDrawing) this.#load(await parseDrawing(await file.text(), this.manifest.classes.length))
      else await this.#openPicture(file)
    })
  }

  /** A PNG in the colours of the classes is a drawing; any other picture goes to the server, as it is. */
  async #openPicture(file: File): Promise<void> {
    const drawing = await this.#colouredDrawing(file).catch(() => undefined)
    if (drawing) return this.#load({ drawing, palette: this.manifest.palette })
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
  #load({ drawing: { width, height, ids }, palette }: DrawingFile): void {
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
      ...(palette !== '' && this.manifest.palette.startsWith(palette)
        ? []
        : [`it ${palette ? 'was made with another' : 'does not name its'} palette: classes may mean other things`]),
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

  /** The drawing of the last visit and over it that of the link, which undo takes away again. */
  async restore(): Promise<void> {
    const { hash } = location
    const kept = this.#kept()
    const classes = this.manifest.classes.length
    await sayingWhatIsWrong(async () => {
      if (kept) this.#restore(await parseDrawing(kept, classes))
    })
    await sayingWhatIsWrong(async () => {
      const linked = await parseFragment(hash, classes)
      if (linked) this.#restore(linked)
    })
  }

  #restore(file: DrawingFile): void {
    this.#restoring = true
    this.#load(file)
    this.#restoring = false
  }

  /** A step is done or undone. From now on the link in the address bar would bring back something older. */
  changed(): void {
    if (this.#restoring) return
    if (location.hash) history.replaceState(null, '', location.pathname + location.search)
    clearTimeout(this.#keeping)
    this.#keeping = setTimeout(() => void this.#keep(), KEEP_MS)
  }

  /** For this tab, and for the next one to be opened: tabs beside each other keep their own drawings. */
  async #keep(): Promise<void> {
    const text = await this.#text()
    for (const storage of ['sessionStorage', 'localStorage'] as const)
      try {
        window[storage].setItem(this.#key, text)
      } catch {
        // storage that is full or forbidden costs a convenience
      }
  }

  #kept(): string | undefined {
    try {
      const own = sessionStorage.getItem(this.#key)
      if (own) return own
      const last = localStorage.getItem(this.#key)
      if (last) sessionStorage.setItem(this.#key, last)
      return last ?? undefined
    } catch {
      return undefined
    }
  }

  get #key(): string {
    return `prep-drawing-${this.manifest.palette}-${this.manifest.width}x${this.manifest.height}`
  }

  #file(): DrawingFile {
    return { drawing: this.state.drawing, palette: this.manifest.palette }
  }

  #text(): Promise<string> {
    return formatDrawing(this.#file())
  }
}

async function sayingWhatIsWrong(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof DrawingError)) throw error
    say(error.message)
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
