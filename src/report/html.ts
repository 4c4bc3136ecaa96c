/** HTML as tagged templates: whatever is put in is escaped, unless it is HTML already. */

/** Text that is HTML: made by `html` alone, or `trusted` where our own constants go in. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text
  }
}

/** What may stand in a template: a list is joined, nothing is shown of what is absent. */
export type Piece = Html | string | number | undefined | false | readonly Piece[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

/**
 * Text as it stands in an element or a quoted attribute. Control characters, which HTML has no way to write, and those
 * that turn the direction of text, with which a name could pass for another, are shown by their numbers.
 */
export const escapeHtml = (text: string): string =>
  text
    .replace(/[&<>"'`]/g, character => ESCAPES[character]!)
    .replace(
      /(?![\n\t])[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
      character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )

export const html = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html =>
  new Html(strings.map((text, i) => (i === 0 ? text : pieceText(pieces[i - 1]) + text)).join(''))

/** Our own constants, such as the style sheet; never anything that was read. */
export const trusted = (text: string): Html => new Html(text)

function pieceText(piece: Piece): string {
  if (piece === undefined || piece === false) return ''
  if (piece instanceof Html) return piece.text
  return typeof piece === 'object' ? piece.map(pieceText).join('') : escapeHtml(String(piece))
}

/** Data for the page's own script: no text in it can end the script element or begin a comment. */
export const scriptData = (data: unknown): Html =>
  new Html(
    JSON.stringify(data).replace(
      /[<>&\u2028\u2029]/g,
      character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  )
