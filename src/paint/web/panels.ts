/** The tools, the classes and the blocks to choose from, and the options of what is chosen. */
import { type Block, builtInBlocks, decodeRuns } from '../drawing/block.js'
import type { BlockRecord, Manifest, PaintClass } from '../manifest.js'
import { element, make, roving } from './page.js'
import { type StudioState, TOOLS, type Tool } from './studio-state.js'

const SVG = 'http://www.w3.org/2000/svg'

export function showTools(state: StudioState): void {
  const bar = element('tools')
  for (const [tool, { key, name }] of Object.entries(TOOLS)) {
    const icon = document.createElementNS(SVG, 'svg')
    icon.setAttribute('aria-hidden', 'true')
    const use = document.createElementNS(SVG, 'use')
    use.setAttribute('href', `#i-${tool}`)
    icon.append(use)
    const button = make('button', {
      title: `${name} (${key.toUpperCase()})`,
      attributes: { 'aria-label': name, 'aria-keyshortcuts': key, 'data-tool': tool },
      onclick: () => state.choose({ tool: tool as Tool }),
    })
    button.append(icon)
    bar.append(button)
  }
  const buttons = (): HTMLElement[] => [...bar.children] as HTMLElement[]
  roving(bar, buttons)
  const show = (): void => {
    document.body.dataset.tool = state.tool
    for (const button of buttons()) press(button, 'aria-pressed', button.dataset.tool === state.tool)
  }
  state.listen({ chosen: show })
  show()
}

function press(button: HTMLElement, attribute: string, on: boolean): void {
  button.setAttribute(attribute, String(on))
  button.tabIndex = on ? 0 : -1
}

const swatch = (colour: string, title: string): HTMLElement => {
  const made = make('span', { className: 'swatch', title })
  made.style.background = colour
  return made
}

export function showClasses(state: StudioState, classes: readonly PaintClass[]): void {
  const list = element('classes')
  for (const { id, name, display, mean, share } of classes) {
    const percent = share > 0 ? `, ${(100 * share).toFixed(share < 0.1 ? 1 : 0)}% of the photos` : ''
    list.append(
      make(
        'button',
        {
          title: `${name}${percent}; on the canvas, and as photos have it`,
          onclick: () => state.choose({ classId: id }),
          attributes: { role: 'radio', 'aria-label': name, 'data-class': String(id) },
        },
        swatch(display, 'on the canvas'),
        swatch(mean, 'mean colour in the photos'),
        make('span', { className: 'name', textContent: name }),
        ...(id < 9 ? [make('kbd', { textContent: String(id + 1) })] : []),
      ),
    )
  }
  const radios = (): HTMLElement[] => [...list.children] as HTMLElement[]
  roving(list, radios)
  const show = (): void => {
    for (const radio of radios()) press(radio, 'aria-checked', Number(radio.dataset.class) === state.classId)
  }
  state.listen({ chosen: show })
  show()
}

/** Blocks of the training labels bring their class along; simple shapes take the class at hand. */
export async function showBlocks(state: StudioState, { classes, width, height }: Manifest): Promise<void> {
  const list = element('blocks')
  const answer = await fetch('blocks.json').catch(() => undefined)
  const records = answer?.ok ? ((await answer.json()) as BlockRecord[]) : []
  list.replaceChildren(
    ...classes.flatMap(({ id, name, display }) => {
      const own = records.filter(record => record.id === id)
      if (own.length === 0) return []
      const buttons = own.map((record, i) => {
        const { width, height, runs, from } = record
        const block = { width, height, mask: decodeRuns(runs, width * height) }
        return blockButton(state, block, display, `${name}, block ${i + 1}, from ${from}`, id)
      })
      return [group([swatch(display, ''), name], buttons)]
    }),
    group(
      ['Simple shapes, in the class at hand'],
      builtInBlocks(Math.round(Math.min(width, height) / 3)).map(block =>
        blockButton(state, block, 'currentColor', block.name),
      ),
    ),
  )
}

const group = (title: readonly (Node | string)[], buttons: readonly HTMLElement[]): HTMLElement =>
  make('div', {}, make('h3', {}, ...title), make('div', { className: 'grid' }, ...buttons))

function blockButton(state: StudioState, block: Block, colour: string, name: string, id?: number): HTMLElement {
  const canvas = make('canvas', { width: block.width, height: block.height })
  const button = make('button', {
    title: name,
    attributes: { 'aria-label': name, 'aria-pressed': 'false' },
    onclick: () => state.choose({ tool: 'block', block, ...(id !== undefined && { classId: id }) }),
  })
  button.append(canvas)
  const context = canvas.getContext('2d')!
  const draw = (): void => {
    context.fillStyle = colour === 'currentColor' ? getComputedStyle(document.body).color : colour
    for (let y = 0; y < block.height; y++)
      for (let x = 0; x < block.width; x++) if (block.mask[y * block.width + x]) context.fillRect(x, y, 1, 1)
  }
  draw()
  if (colour === 'currentColor') matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
  state.listen({
    chosen: () => button.setAttribute('aria-pressed', String(state.tool === 'block' && state.block === block)),
  })
  return button
}

export function showOptions(state: StudioState): void {
  const [size, scale] = [element<HTMLInputElement>('size'), element<HTMLInputElement>('scale')]
  const [flip, filled] = [element<HTMLInputElement>('flip'), element<HTMLInputElement>('filled')]
  size.oninput = () => state.choose({ size: Number(size.value) })
  // halves and doubles at equal distances
  scale.oninput = () => state.choose({ scale: 2 ** (Number(scale.value) / 10) })
  flip.onchange = () => state.choose({ flip: flip.checked })
  filled.onchange = () => state.choose({ filled: filled.checked })
  const show = (): void => {
    size.value = String(state.size)
    element('size-out').textContent = `${state.size} px`
    scale.value = String(Math.round(10 * Math.log2(state.scale)))
    element('scale-out').textContent = `${Math.round(100 * state.scale)}%`
    flip.checked = state.flip
    filled.checked = state.filled
  }
  state.listen({ chosen: show })
  show()
}
