/** The page of prep paint: reads what the model is, and wires drawing, photo, panels, files and keys together. */
import { blankDrawing } from '../drawing/drawing.js'
import type { Manifest } from '../manifest.js'
import { Canvases } from './canvas.js'
import { Files } from './files.js'
import { Gestures } from './gestures.js'
import { showMaps } from './maps.js'
import { element, make, say } from './page.js'
import { openPhotoMaker } from './painters.js'
import { showBlocks, showClasses, showOptions, showTools } from './panels.js'
import { StudioState, TOOLS, type Tool } from './studio-state.js'

// the key of the link is in a cookie now, and must not be copied from the address bar
if (location.search) history.replaceState(null, '', location.pathname + location.hash)

window.addEventListener('unhandledrejection', ({ reason }) => say(String((reason as Error)?.message ?? reason)))
const [status, latency] = [element('state'), element('latency')]
function showState(text: string, bad = false): void {
  status.className = bad ? 'bad' : ''
  status.textContent = text
  latency.textContent = ''
}

const manifest = await readManifest().catch((error: Error) => {
  showState(`The model cannot be read: ${error.message}`, true)
  throw error
})
const { classes, width, height } = manifest
const colours = classes.map(({ display }) => {
  const rgb = Number.parseInt(display.slice(1), 16)
  return [rgb >> 16, (rgb >> 8) & 255, rgb & 255] as const
})
const ground = classes.reduce((most, { share }, id) => (share > classes[most]!.share ? id : most), 0)

const state = new StudioState(blankDrawing(width, height, ground))
const canvases = new Canvases(state.drawing, colours)
const files = new Files(manifest, state, canvases)
const place = element('place')
const gestures = new Gestures(state, canvases, colours, at => {
  const [x, y] = [Math.floor(at?.x ?? -1), Math.floor(at?.y ?? -1)]
  const inside = x >= 0 && y >= 0 && x < width && y < height
  place.textContent = inside ? `${classes[state.drawing.ids[y * width + x]!]!.name}  ${x}, ${y}` : ''
})

const maker = openPhotoMaker(manifest, {
  photo(photo) {
    canvases.showPhoto(photo)
    // times are for the eye: read out after each stroke they would drown everything else
    showState('')
    latency.textContent = `${Math.round(photo.totalMs)} ms (${Math.round(photo.computeMs)} ms computing)`
    document.body.dataset.photos = String(1 + Number(document.body.dataset.photos ?? 0))
  },
  state: showState,
})

/** Strokes come faster than photos are made: a moment's worth of them goes as one. */
const DEBOUNCE_MS = 25
let asking = false
const [undo, redo] = [element<HTMLButtonElement>('undo'), element<HTMLButtonElement>('redo')]
state.listen({
  drawn(rect) {
    canvases.show(rect)
    if (asking) return
    asking = true
    setTimeout(() => {
      asking = false
      maker.ask(state.drawing.ids)
    }, DEBOUNCE_MS)
  },
  committed() {
    undo.disabled = !state.history.canUndo
    redo.disabled = !state.history.canRedo
    files.changed()
  },
})

const largest = Math.max(8, Math.round(Math.min(width, height) / 4))
element<HTMLInputElement>('size').max = String(largest)
element('title').textContent = `${manifest.title}, ${manifest.trained}, ${width}x${height}`
document.title = `${manifest.title} – prep paint`
showTools(state)
showClasses(state, classes)
showOptions(state)
state.choose({ size: Math.max(3, Math.round(Math.min(width, height) / 24)), classId: (ground + 1) % classes.length })
canvases.show()
maker.ask(state.drawing.ids)
void showBlocks(state, manifest)
void files.restore()

const file = element<HTMLInputElement>('file')
const does = {
  undo: () => state.undo(),
  redo: () => state.redo(),
  clear: () => state.load(new Uint8Array(width * height).fill(state.classId)),
  'open-file': () => file.click(),
  'open-map': () => showMaps(manifest, files, colours),
  'save-drawing': () => files.saveDrawing(),
  'save-photo': () => files.savePng('photo'),
  'save-labels': () => files.savePng('drawing'),
  'save-both': () => files.savePng('both'),
  share: () => files.share(),
  help: () => element<HTMLDialogElement>('shortcuts').showModal(),
  'zoom-in': () => canvases.zoom(1.5),
  'zoom-out': () => canvases.zoom(1 / 1.5),
  'zoom-fit': () => canvases.fit(),
} satisfies Record<string, () => unknown>
for (const [id, action] of Object.entries(does))
  element(id).addEventListener('click', event => {
    ;(event.currentTarget as HTMLElement).closest('details')?.removeAttribute('open')
    void action()
  })
file.onchange = () => {
  const [chosen] = file.files ?? []
  if (chosen) void files.open(chosen)
  file.value = ''
}

function show(view: string): void {
  element('panes').dataset.view = view
  for (const button of document.querySelectorAll<HTMLElement>('[data-view]'))
    if (button.tagName === 'BUTTON') button.setAttribute('aria-pressed', String(button.dataset.view === view))
}
for (const button of document.querySelectorAll<HTMLElement>('button[data-view]'))
  button.onclick = () => show(button.dataset.view!)
const divider = element<HTMLInputElement>('divider')
divider.oninput = () => element('panes').style.setProperty('--divide', `${Number(divider.value) / 10}%`)

const menus = [...document.querySelectorAll('details')]
document.addEventListener('pointerdown', ({ target }) => {
  for (const menu of menus) if (!menu.contains(target as Node)) menu.open = false
})

document.addEventListener('dragover', event => {
  event.preventDefault()
  document.body.classList.add('dropping')
})
document.addEventListener('dragleave', ({ relatedTarget }) => {
  if (!relatedTarget) document.body.classList.remove('dropping')
})
document.addEventListener('drop', event => {
  event.preventDefault()
  document.body.classList.remove('dropping')
  const [dropped] = event.dataTransfer?.files ?? []
  if (dropped) void files.open(dropped)
})
document.addEventListener('paste', event => {
  const [pasted] = event.clipboardData?.files ?? []
  if (pasted) void files.open(pasted)
})

const SHORTCUTS: readonly (readonly [keys: string, what: string])[] = [
  ...Object.values(TOOLS).map(({ key, name }) => [key.toUpperCase(), name] as const),
  ['1 … 9', 'Class'],
  ['[  ]', 'Smaller, larger brush (with a block: scale)'],
  ['X', 'Flip the block'],
  ['Ctrl Z', 'Undo'],
  ['Ctrl Shift Z', 'Redo'],
  ['Ctrl O', 'Open a file'],
  ['Ctrl S', 'Save the drawing'],
  ['Wheel, +, −, 0', 'Zoom, whole drawing'],
  ['Space and drag', 'Move the view'],
  ['Right click, Alt click', 'Pick a class'],
  ['Shift', 'Squares, circles, lines by 45°'],
  ['Arrows, Enter', 'On the drawing: move and use the tool by keys'],
  ['Esc', 'Drop what was begun'],
  ['V', 'Next view'],
]
element('shortcut-list').append(
  ...SHORTCUTS.flatMap(([keys, what]) => [
    make('dt', {}, make('kbd', { textContent: keys })),
    make('dd', { textContent: what }),
  ]),
)

const VIEWS = ['both', 'compare', 'drawing', 'photo']
const resize = (by: number): void => {
  if (state.tool === 'block') state.choose({ scale: Math.min(4, Math.max(0.25, state.scale * 2 ** (by / 10))) })
  else
    state.choose({ size: Math.min(largest, Math.max(1, state.size + by * Math.max(1, Math.round(state.size / 12)))) })
}
const keys: Readonly<Record<string, () => unknown>> = {
  ...Object.fromEntries(
    Object.entries(TOOLS).map(([tool, { key }]) => [key, () => state.choose({ tool: tool as Tool })]),
  ),
  ...Object.fromEntries(classes.slice(0, 9).map(({ id }) => [String(id + 1), () => state.choose({ classId: id })])),
  '[': () => resize(-1),
  ']': () => resize(1),
  x: () => state.choose({ flip: !state.flip }),
  v: () => show(VIEWS[(VIEWS.indexOf(element('panes').dataset.view!) + 1) % VIEWS.length]!),
  '+': does['zoom-in'],
  '=': does['zoom-in'],
  '-': does['zoom-out'],
  '0': does['zoom-fit'],
  '?': does.help,
  escape: () => {
    for (const menu of menus) menu.open = false
    gestures.cancel()
  },
}
const withControl: Readonly<Record<string, () => unknown>> = {
  z: does.undo,
  y: does.redo,
  s: does['save-drawing'],
  o: does['open-file'],
}
document.addEventListener('keydown', event => {
  const target = event.target as HTMLElement
  const key = event.key.toLowerCase()
  if (document.querySelector('dialog[open]') || (target instanceof HTMLInputElement && target.type === 'search')) return
  const command = event.ctrlKey || event.metaKey
  const action = command
    ? key === 'z' && event.shiftKey
      ? does.redo
      : withControl[key]
    : event.altKey
      ? undefined
      : keys[key]
  if (key === ' ' && target === canvases.pane) {
    event.preventDefault()
    gestures.holdSpace()
  }
  // a slider keeps its own keys
  if (!action || (target instanceof HTMLInputElement && /^(Arrow|Home|End|Page)/.test(event.key))) return
  event.preventDefault()
  void action()
})

async function readManifest(): Promise<Manifest> {
  const answer = await fetch('paint.json')
  if (!answer.ok) throw new Error(await answer.text())
  return answer.json()
}
