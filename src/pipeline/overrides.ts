/** `--set steps.train.epochs=50`: values from the command line that replace those of the file. */
import { type Document, isMap, isSeq, parse as parseYaml } from 'yaml'
import { PrepError } from '../errors.js'
import type { Path } from './positions.js'

export interface Override {
  /** As typed. */
  readonly text: string
  readonly path: readonly string[]
  readonly value: unknown
}

/** @throws {PrepError} `OVERRIDE_INVALID` when it is not `path=value` */
export function parseOverride(text: string): Override {
  const at = text.indexOf('=')
  const path = text.slice(0, Math.max(0, at)).trim()
  if (at < 1 || path.split('.').some(part => !part))
    throw new PrepError('OVERRIDE_INVALID', `--set ${text}: expected PATH=VALUE`, {
      hint: 'for example --set steps.train.epochs=50 or --set output=runs/second',
    })
  return { text, path: path.split('.'), value: parseYaml(text.slice(at + 1)) }
}

/**
 * Put an override into the document. A step is named by its stage (`steps.train`) or its number from 0 (`steps.2`).
 *
 * @returns where it went
 * @throws {PrepError} `OVERRIDE_INVALID` when there is no such step, or several
 */
export function applyOverride(document: Document, { path, value, text }: Override): Path {
  const fail = (message: string, hint: string): never => {
    throw new PrepError('OVERRIDE_INVALID', `--set ${text}: ${message}`, { hint })
  }
  const [first, step, ...rest] = path
  if (first !== 'steps') {
    document.setIn(path, document.createNode(value))
    return path
  }
  const steps = document.get('steps', true)
  if (!isSeq(steps)) return fail('the file has no list of steps', 'give the file steps first')
  const stages = steps.items.map(item => (isMap(item) ? String(item.get('stage')) : ''))
  const numbered = /^\d+$/.test(step ?? '')
  const matches = stages.flatMap((name, index) => ((numbered ? index === Number(step) : name === step) ? [index] : []))
  const [index] = matches
  if (index === undefined || !rest.length)
    return fail(
      rest.length ? `no step ${step}` : 'names no option',
      `the steps are ${stages.map((name, i) => `${name} (${i})`).join(', ')}`,
    )
  if (matches.length > 1)
    return fail(
      `${matches.length} steps are called ${step}`,
      `name one by number: ${matches.map(i => `steps.${i}`).join(', ')}`,
    )
  const target = ['steps', index, ...rest]
  document.setIn(target, document.createNode(value))
  return target
}
