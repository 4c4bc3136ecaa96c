/** Elements of the page, by what index.html calls them. */

/** @throws when index.html has no such element: a bug of ours */
export function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found as E
}

export function make<T extends keyof HTMLElementTagNameMap>(
  tag: T,
  properties: Partial<Omit<HTMLElementTagNameMap[T], 'attributes'>> & {
    readonly attributes?: Readonly<Record<string, string>>
  } = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[T] {
  const { attributes = {}, ...rest } = properties
  const made = Object.assign(document.createElement(tag), rest)
  for (const [name, value] of Object.entries<string>(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

let hiding: ReturnType<typeof setTimeout> | undefined

/** Say something that passes, such as what was wrong with a file. */
export function say(text: string, { ms = 6000 } = {}): void {
  const note = element('note')
  note.textContent = text
  note.hidden = false
  clearTimeout(hiding)
  hiding = setTimeout(() => {
    note.hidden = true
  }, ms)
}

/** A set of buttons of which one is pressed: one stop of the tab key, arrow keys within. */
export function roving(container: HTMLElement, buttons: () => HTMLElement[]): void {
  container.addEventListener('keydown', event => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
    const all = buttons()
    const at = all.indexOf(document.activeElement as HTMLElement)
    if (step === undefined || at < 0) return
    event.preventDefault()
    event.stopPropagation()
    const next = all[(at + step + all.length) % all.length]!
    next.focus()
    if (next.getAttribute('role') === 'radio') next.click()
  })
}
