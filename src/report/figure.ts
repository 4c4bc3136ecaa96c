/** A picture of the report with its alternative text; one that did not fit into the page says so. */
import { type Html, html, type Piece } from './html.js'
import type { Picture, Pictures } from './pictures.js'

export function figureHtml(pictures: Pictures, name: string, alt: string, caption?: Piece): Html {
  const picture = pictures.byName.get(name)
  return html`<figure>${picture ? imageHtml(picture, alt) : html`<p class="muted">The picture was left out: it is missing, or the report would have become too large.</p>`}${caption && html`<figcaption>${caption}</figcaption>`}</figure>`
}

export const imageHtml = ({ uri, width, height }: Picture, alt: string): Html =>
  html`<img src="${uri}" width="${width}" height="${height}" alt="${alt}">`
