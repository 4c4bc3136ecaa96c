/** Commands as text that can be pasted into a shell. */

/** A word as a shell takes it for one. */
export const quote = (word: string): string =>
  /^[\w./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** @returns `NAME=value prep words...`, quoted where needed */
export function commandLine(environment: Readonly<Record<string, string>>, words: readonly string[]): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quote(value)}`)
  return [...variables, 'prep', ...words.map(quote)].join(' ')
}
