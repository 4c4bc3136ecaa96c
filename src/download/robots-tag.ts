/** X-Robots-Tag headers: what a site asks of those who use a file. */

/** Wishes that speak against taking an image into a data set. */
const REFUSALS: ReadonlySet<string> = new Set(['noindex', 'none', 'noimageindex', 'noai', 'noimageai'])
/** Directives that have a value after a colon, which is no robot's name before one. */
const VALUED = /^(max-snippet|max-image-preview|max-video-preview|unavailable_after)$/

/**
 * @param values  the header's values; each may begin with the name of the robot that it is for
 * @param robot   our name, lower case
 * @returns the directive that refuses, if any
 */
export function refusalInTags(values: readonly string[], robot: string): string | undefined {
  for (const value of values) {
    let addressee = '*'
    for (const part of value.toLowerCase().split(',')) {
      const [first = '', ...rest] = part.split(':').map(text => text.trim())
      const named = rest.length > 0 && !VALUED.test(first)
      if (named) addressee = first
      const directive = named ? rest.join(':') : first
      if ((addressee === '*' || addressee === robot) && REFUSALS.has(directive)) return directive
    }
  }
  return undefined
}
