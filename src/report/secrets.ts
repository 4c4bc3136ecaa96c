/**
 * What a report, which people pass on, must not tell: passwords and signatures in URLs, values of options and variables
 * that are called like secrets, and whatever came from the environment into a URL.
 */

/** In the place of what is not told. */
export const HIDDEN = '[hidden]'

const SECRET_NAME =
  /(^|[_.\-\s])(pass(word|wd|phrase)?|pwd|secret|token|api_?key|access_?key|key|auth(orization)?|credentials?|cookie|session|sig(nature)?|bearer)($|[_.\-\s])/i

/** Does a name promise a secret? `AWS_SECRET_ACCESS_KEY`, `X-Amz-Signature`, `apiKey`. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name.replace(/([a-z])([A-Z])/g, '$1_$2'))

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}/g

/**
 * The variables whose values are not told: those called like secrets, those that the pipeline puts into a URL or into an
 * option called like a secret, and those whose value carries a secret itself.
 */
export function hiddenVariables(yaml: string, environment: Readonly<Record<string, string>>): ReadonlySet<string> {
  const hidden = new Set<string>()
  for (const line of yaml.split('\n')) {
    const option = /^[\s-]*["']?([\w.-]+)["']?\s*:/.exec(line)?.[1]
    if (!line.includes('://') && !(option && isSecretName(option))) continue
    for (const [, name] of line.matchAll(REFERENCE)) hidden.add(name!)
  }
  for (const [name, value] of Object.entries(environment))
    if (isSecretName(name) || withoutUrlSecrets(value) !== value) hidden.add(name)
  return hidden
}

/** Values below options that are called like secrets, at any depth. */
export function secretValues(options: unknown, secret = false): string[] {
  if (typeof options === 'string') return secret ? [options] : []
  if (options === null || typeof options !== 'object') return []
  return Object.entries(options).flatMap(([name, value]) =>
    secretValues(value, secret || (!Array.isArray(options) && isSecretName(name))),
  )
}

/** URLs without user and password, and without the values of parameters that are called like secrets. */
export const withoutUrlSecrets = (text: string): string =>
  text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@'"]*@/gi, `$1${HIDDEN}@`)
    .replace(/([?&;])([^=&#\s'"]+)=([^&#\s'"]+)/g, (all, mark: string, name: string) =>
      isSecretName(decoded(name)) ? `${mark}${name}=${HIDDEN}` : all,
    )

/** Lines of YAML, and `path=value` of the command line, whose names promise a secret, without their values. */
export const withoutNamedSecrets = (text: string): string =>
  text
    .split('\n')
    .map(line => {
      const found = /^(\s*(?:-\s+)?["']?([\w.-]+)["']?\s*[:=]\s*)(.*)$/.exec(line)
      if (!found || found[3] === '' || !isSecretName(found[2]!)) return line
      // a reference tells no value
      return /^["']?\$\{[A-Za-z_]\w*\}["']?$/.test(found[3]!) ? line : `${found[1]}${HIDDEN}`
    })
    .join('\n')

/** Shorter ones would be found in every other word. */
const LEAST_LENGTH = 4

/** A function that takes secrets out of every text of some plain data: those given, as they are or as URLs write them. */
export function makeRedactor(secrets: readonly string[]): <T>(data: T) => T {
  const known = [...new Set(secrets)].filter(({ length }) => length >= LEAST_LENGTH)
  const forms = [...new Set(known.flatMap(secret => [secret, encodeURIComponent(secret), encodeURI(secret)]))]
    // the longest first: one may be part of another
    .sort((a, b) => b.length - a.length)
  const redactText = (text: string): string =>
    withoutUrlSecrets(forms.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text))
  const redact = (data: unknown): unknown => {
    if (typeof data === 'string') return redactText(data)
    if (Array.isArray(data)) return data.map(redact)
    if (data === null || typeof data !== 'object') return data
    return Object.fromEntries(Object.entries(data).map(([name, value]) => [redactText(name), redact(value)]))
  }
  return <T>(data: T) => redact(data) as T
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
