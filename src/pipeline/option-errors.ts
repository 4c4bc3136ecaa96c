/** From a schema's issues to errors in the words of the pipeline file: found against expected, with the place. */
import { z } from 'zod'
import { type ErrorCode, PrepError, type SourcePosition } from '../errors.js'
import type { Path } from './positions.js'
import { suggest } from './suggest.js'

type Place = (path: Path, of?: 'key' | 'value') => SourcePosition | undefined

/**
 * @param raw   the value that was parsed
 * @param base  path of `raw` in the file
 */
export function optionErrors(
  error: z.ZodError,
  schema: z.ZodType,
  raw: unknown,
  base: Path,
  place: Place,
): PrepError[] {
  return error.issues.flatMap(issue => issueErrors(issue, schema, raw, base, place))
}

function issueErrors(issue: z.core.$ZodIssue, schema: z.ZodType, raw: unknown, base: Path, place: Place): PrepError[] {
  const member = issue.code === 'invalid_union' ? likelyMember(issue) : undefined
  if (member) return member.flatMap(inner => issueErrors(inner, schema, raw, base, place))
  const inner = issue.path.map(part => (typeof part === 'symbol' ? String(part) : part))
  const path = [...base, ...inner]
  const found = valueAt(raw, inner)
  const name = pathText(path) || 'the pipeline'
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => {
      const known = memberNames(schema, inner)
      const near = suggest(key, known)
      return new PrepError('UNKNOWN_OPTION', `${pathText([...path, key])}: unknown option`, {
        at: place([...path, key], 'key'),
        hint: near ? `did you mean ${near}?` : `the options are ${known.join(', ')}`,
      })
    })
  if (found === undefined)
    return [
      new PrepError(
        inner.length ? 'OPTION_MISSING' : 'PIPELINE_SHAPE',
        `${name}: missing; expected ${expected(issue)}`,
        {
          at: place(path.slice(0, -1)),
          hint: `add ${String(path.at(-1) ?? 'steps')}`,
        },
      ),
    ]
  const range = rangeCodes.has(issue.code)
  const code: ErrorCode = path.length ? (range ? 'OPTION_OUT_OF_RANGE' : 'OPTION_TYPE') : 'PIPELINE_SHAPE'
  const near = issue.code === 'invalid_value' ? suggest(String(found), issue.values.map(String)) : undefined
  return [
    new PrepError(code, `${name}: expected ${expected(issue)}, found ${show(found)}`, {
      at: place(path),
      hint: near ? `did you mean ${near}?` : hintFor(issue),
    }),
  ]
}

/** The issues of the one member of a union that accepts this kind of value, and finds fault with something inside it. */
function likelyMember({ path, errors }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  const inside = errors.filter(issues => issues.every(issue => issue.path.length || issue.code === 'unrecognized_keys'))
  if (inside.length !== 1) return undefined
  return inside[0]!.map(issue => ({ ...issue, path: [...path, ...issue.path] }))
}

const rangeCodes = new Set(['too_big', 'too_small', 'invalid_value', 'invalid_format', 'not_multiple_of', 'custom'])

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return NOUNS[issue.expected] ?? issue.expected
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit(issue.origin)}`
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}`
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`
    case 'invalid_union':
      return [...new Set(issue.errors.flat().map(expected))].join(' or ') || 'another kind of value'
    case 'invalid_format':
      if (!issue.message.startsWith('Invalid')) return issue.message
      return issue.pattern ? `text like ${issue.pattern}` : `a ${issue.format}`
    default:
      return issue.message
  }
}

const NOUNS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'options',
}
const unit = (origin: string): string => (origin === 'array' ? ' entries' : origin === 'string' ? ' characters' : '')

function hintFor(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_big') return `use ${issue.maximum} or ${issue.origin === 'array' ? 'fewer' : 'less'}`
  if (issue.code === 'too_small') return `use ${issue.minimum} or more`
  return 'prep stages NAME shows the options of a stage'
}

/** Names of the members that the object schema at `path` knows. */
function memberNames(schema: z.ZodType, path: Path): string[] {
  let at = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema | undefined
  for (const part of path)
    at = typeof part === 'number' ? itemsOf(at) : (at?.properties?.[part] ?? findMember(at, part))
  return Object.keys(at?.properties ?? at?.anyOf?.find(option => option.properties)?.properties ?? {})
}
interface JsonSchema {
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  anyOf?: JsonSchema[]
}
const itemsOf = (schema: JsonSchema | undefined): JsonSchema | undefined =>
  schema?.items ?? schema?.anyOf?.find(option => option.items)?.items
const findMember = (schema: JsonSchema | undefined, part: string): JsonSchema | undefined =>
  schema?.anyOf?.find(option => option.properties?.[part])?.properties?.[part]

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, part) => (at as Record<string | number, unknown> | null | undefined)?.[part], value)

const pathText = (path: Path): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i ? `.${part}` : part)).join('')

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
