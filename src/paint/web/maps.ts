/** The label maps of the data set, to begin a drawing with: small pictures, read as they come into sight. */
import type { Manifest, PaintMap } from '../manifest.js'
import type { Files } from './files.js'
import { element, make } from './page.js'

/** Buttons made before one scrolls: data sets have tens of thousands of maps. */
const AT_ONCE = 60

export function showMaps(
  { maps, width, height }: Manifest,
  files: Files,
  colours: readonly (readonly [number, number, number])[],
): void {
  const dialog = element<HTMLDialogElement>('maps')
  const list = element('map-list')
  const filter = element<HTMLInputElement>('map-filter')
  const inSight = new Map<Element, () => void>()
  const seen = new IntersectionObserver(
    entries => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue
        seen.unobserve(target)
        inSight.get(target)?.()
      }
    },
    { root: list },
  )
  const buttonOf = (map: PaintMap): HTMLElement => {
    const canvas = make('canvas', { width, height })
    const button = make(
      'button',
      {
        type: 'button',
        onclick: () => {
          dialog.close()
          void files.openMap(map.url)
        },
      },
      canvas,
      map.name,
      make('small', { textContent: map.split }),
    )
    inSight.set(button, async () => {
      const ids = await files.map(map.url)
      if (!ids) return
      const image = new ImageData(width, height)
      for (const [i, id] of ids.entries()) image.data.set([...colours[id]!, 255], 4 * i)
      canvas.getContext('2d')!.putImageData(image, 0, 0)
    })
    seen.observe(button)
    return button
  }
  const append = (wanted: readonly PaintMap[], from: number): void => {
    list.append(...wanted.slice(from, from + AT_ONCE).map(buttonOf))
    const last = list.lastElementChild
    if (!last || from + AT_ONCE >= wanted.length) return
    const draw = inSight.get(last)
    inSight.set(last, () => {
      draw?.()
      append(wanted, from + AT_ONCE)
    })
  }
  const show = (): void => {
    const wanted = maps.filter(({ name }) => name.toLowerCase().includes(filter.value.toLowerCase()))
    seen.disconnect()
    inSight.clear()
    list.replaceChildren()
    append(wanted, 0)
    if (wanted.length === 0)
      list.append(
        make('p', {
          className: 'hint',
          textContent: maps.length > 0 ? 'None of that name.' : 'There is no data set beside the model.',
        }),
      )
  }
  filter.value = ''
  filter.oninput = show
  show()
  dialog.onclose = () => seen.disconnect()
  dialog.showModal()
}
