/**
 * What a report, which people pass on, must not tell: passwords and signatures in URLs, values of options and variables
 * that are called like secrets, and whatever came from the environment into a URL.
 */

/** In the place of what is not told. */
export const HIDDEN = '[hidden]'

const WORDS =
  'pass(word|wd|phrase)?|pwd|secret|token|(api|access|secret|private)[-_]?key|auth(orization)?|credentials?|cookie|session|sig(nature)?|bearer'
const SECRET_NAME = new RegExp(`(^|[_.\\-\\s])(${WORDS}|key)($|[_.\\-\\s])`, 'i')
/** A `key` alone is an ordinary option, of columns for one; headers such as `Subscription-Key` are not. */
const SECRET_OPTION = new RegExp(`(^|[_.\\-\\s])(${WORDS})($|[_.\\-\\s])|\\w-key$`, 'i')

const inWords = (name: string): string => name.replace(/([a-z])([A-Z])/g, '$1_$2')
/** Does the name of a variable, or of a parameter of a URL, promise a secret? `AWS_SECRET_ACCESS_KEY`, `X-Amz-Signature`. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(inWords(name))
/** Does that of an option? `token`, `apiKey`, `Authorization`. */
export const isSecretOption = (name: string): boolean => SECRET_OPTION.test(inWords(name))

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}/g
/** Names of the variables that a text refers to. */
export const referencesIn = (text: string): string[] => [...text.matchAll(REFERENCE)].map(([, name]) => name!)

/** Values below options that are called like secrets, at any depth; of texts of several lines each line as well. */
export function secretValues(options: unknown, secret = false): string[] {
  if (typeof options === 'number' || typeof options === 'bigint') return secret ? [String(options)] : []
  if (typeof options === 'string')
    return secret ? [...new Set([options, ...options.split('\n').map(line => line.trim())])] : []
  if (options === null || typeof options !== 'object') return []
  return Object.entries(options).flatMap(([name, value]) =>
    secretValues(value, secret || (!Array.isArray(options) && isSecretOption(name))),
  )
}

/** URLs without user and password, and without the values of parameters that are called like secrets. */
export const withoutUrlSecrets = (text: string): string =>
  text
    .replace(/([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#@'"]*@/gi, `$1${HIDDEN}@`)
    .replace(/([?&;])([^=&#?;\s'"]{1,200})=([^&#\s'"]+)/g, (all, mark: string, name: string) =>
      isSecretName(decoded(name)) ? `${mark}${name}=${HIDDEN}` : all,
    )

/** Lines, comments too, whose names promise a secret, without their values: for texts that are no whole YAML. */
export const withoutNamedSecrets = (text: string): string =>
  text
    .split('\n')
    .map(line => {
      const found = /^(\s*(?:#\s*)?(?:-\s+)?["']?([\w.-]+)["']?\s*[:=]\s*)(.*)$/.exec(line)
      if (!found || found[3] === '' || !isSecretOption(found[2]!)) return line
      return isReference(found[3]!.replace(/^(["'])(.*)\1$/, '$2')) ? line : `${found[1]}${HIDDEN}`
    })
    .join('\n')

/** A reference tells no value; a default in it would. */
export const isReference = (text: string): boolean => /^\$\{[A-Za-z_]\w*\}$/.test(text)

/** Shorter ones would be found in every other word. */
const LEAST_LENGTH = 4

/** Fields of facts whose texts are words of ours, which others look up. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  'picture',
  'strip',
  'hero',
  'status',
  'role',
  'metric',
  'by',
  'verdict',
])

/**
 * A function that takes secrets out of every text of some plain data: those given, as they are or as URLs and JSON write
 * them. Names of properties are ours and stay.
 */
export function makeRedactor(secrets: readonly string[]): <T>(data: T) => T {
  const known = [...new Set(secrets)].filter(({ length }) => length >= LEAST_LENGTH)
  const forms = [...new Set(known.flatMap(formsOf))]
    // the longest first: one may be part of another
    .sort((a, b) => b.length - a.length)
  const redactText = (text: string): string =>
    withoutUrlSecrets(forms.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text))
  const redact = (data: unknown): unknown => {
    if (typeof data === 'string') return redactText(data)
    if (Array.isArray(data)) return data.map(redact)
    if (data === null || typeof data !== 'object') return data
    return Object.fromEntries(
      Object.entries(data).map(([name, value]) => [name, OWN_WORDS.has(name) ? value : redact(value)]),
    )
  }
  return <T>(data: T) => redact(data) as T
}

function formsOf(secret: string): string[] {
  // half of a pair of code units has no form in a URL
  const whole = /\p{Surrogate}/u.test(secret) ? [] : [encodeURIComponent(secret), encodeURI(secret)]
  return [secret, JSON.stringify(secret).slice(1, -1), ...whole]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
