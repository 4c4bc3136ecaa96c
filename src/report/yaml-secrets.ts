/** Secrets in YAML however it is written: block or flow, quoted, over several lines, JSON. Comments are left to secrets.ts. */
import { type Document, isMap, isScalar, isSeq, type Node, parseDocument, type Scalar } from 'yaml'
import { parseOverride } from '../pipeline/overrides.js'
import {
  HIDDEN,
  isReference,
  isSecretName,
  isSecretOption,
  referencesIn,
  secretValues,
  withoutNamedSecrets,
  withoutUrlSecrets,
} from './secrets.js'

/** Values of a file that are not to be told, wherever they turn up. */
export function yamlSecrets(text: string): string[] {
  try {
    return secretValues(parse(text).toJS()).flatMap(toldBy)
  } catch {
    return []
  }
}

/**
 * The variables whose values are not told: those called like secrets, those that the pipeline puts into a URL or into an
 * option called like a secret, and those whose value carries a secret itself.
 */
export function hiddenVariables(yaml: string, environment: Readonly<Record<string, string>>): ReadonlySet<string> {
  const hidden = new Set(secretLeaves(yaml).flatMap(referencesIn))
  for (const line of yaml.split('\n')) {
    const option = /^[\s-]*["']?([\w.-]+)["']?\s*:/.exec(line)?.[1]
    if (line.includes('://') || (option && isSecretOption(option)))
      for (const name of referencesIn(line)) hidden.add(name)
  }
  for (const [name, value] of Object.entries(environment))
    if (isSecretName(name) || withoutUrlSecrets(value) !== value) hidden.add(name)
  return hidden
}

/** Texts of a file that stand below options called like secrets, or that are URLs. */
function secretLeaves(text: string): string[] {
  return leavesOf(parse(text).contents as Node | null)
    .filter(({ node, secret }) => secret || String(node.value).includes('://'))
    .map(({ node }) => String(node.value))
}

/** A file without what its options called like secrets say. */
export function withoutYamlSecrets(text: string): string {
  const cuts = leavesOf(parse(text).contents as Node | null)
    .filter(({ node, secret }) => secret && !isReference(String(node.value)))
    .sort((a, b) => b.node.range![0] - a.node.range![0])
  const cut = cuts.reduce((rest, { node }) => {
    const [from, to] = node.range!
    const end = rest.slice(from, to).endsWith('\n') ? '\n' : ''
    return `${rest.slice(0, from)}${HIDDEN}${end}${rest.slice(to)}`
  }, text)
  return withoutNamedSecrets(cut)
}

/** `path=value` of the command line: what it must not tell, and the rest of it. */
export function overrideSecrets(text: string): { readonly secrets: string[]; readonly told: string } {
  try {
    const { path, value } = parseOverride(text)
    const secret = path.some(isSecretOption)
    const at = text.indexOf('=') + 1
    const secrets = secretValues(value, secret).flatMap(toldBy)
    if (secret) return { secrets, told: isReference(String(value)) ? text : `${text.slice(0, at)}${HIDDEN}` }
    return { secrets, told: `${text.slice(0, at)}${withoutYamlSecrets(text.slice(at))}` }
  } catch {
    return { secrets: [], told: withoutNamedSecrets(text) }
  }
}

/** Why a step was made, without the values of options that are or hold secrets; and those values, which are of before, too. */
export function reasonSecrets(reason: string): { readonly secrets: string[]; readonly told: string } {
  const secrets: string[] = []
  const told = reason.replace(CHANGED_OPTION, (all, name: string, values: string) => {
    const named =
      isSecretOption(name) || [...values.matchAll(/"([^"\\]+)":/g)].some(([, inner]) => isSecretOption(inner!))
    if (!named) return all
    const sides = values.split(' -> ')
    if (sides.length === 2) secrets.push(...sides.flatMap(side => secretValues({ [name]: parseJson(side) })))
    return `option ${name}: changed`
  })
  return { secrets, told }
}

/** As step-record.ts words it: both values are JSON, so that a semicolon ends them only outside of quotes. */
const CHANGED_OPTION = /(?<=^|; )option ([^\s:]+): ((?:"(?:[^"\\]|\\.)*"|[^";])*)/g

const parse = (text: string): Document => parseDocument(text, { logLevel: 'silent', uniqueKeys: false })

interface Leaf {
  readonly node: Scalar
  readonly secret: boolean
}

/** Texts and numbers, as they stand in the file. */
function leavesOf(node: unknown, secret = false): Leaf[] {
  if (isScalar(node)) return node.range && /^(string|number|bigint)$/.test(typeof node.value) ? [{ node, secret }] : []
  if (isSeq(node)) return node.items.flatMap(item => leavesOf(item, secret))
  if (!isMap(node)) return []
  return node.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : ''
    return leavesOf(value, secret || isSecretOption(name))
  })
}

/** What a value tells: all of it but for references, whose defaults count. */
function toldBy(value: string): string[] {
  if (isReference(value)) return []
  return [value, ...[...value.matchAll(/\$\{\w+:-([^}]*)\}/g)].map(([, fallback]) => fallback!)]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
