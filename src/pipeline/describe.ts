/** The options of a stage as rows of text, from its schema: the source of --help, docs/stages.md and the JSON Schema. */
import { z } from 'zod'
import { pipelineOptions } from './pipeline-options.js'
import type { Stage } from './stage.js'

export interface OptionRow {
  readonly name: string
  readonly type: string
  /** Default as written in YAML; `required` or `-` when there is none. */
  readonly fallback: string
  readonly description: string
}

interface JsonSchema {
  type?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  default?: unknown
  description?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
}

const schemaOf = (options: z.ZodType): JsonSchema =>
  z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }) as JsonSchema

/** One row per option; those of nested groups follow as `group.option`. */
export function describeOptions(options: z.ZodType): OptionRow[] {
  return rowsOf(schemaOf(options), '')
}

function rowsOf({ properties = {}, required = [] }: JsonSchema, prefix: string): OptionRow[] {
  return Object.entries(properties).flatMap(([name, member]) => [
    {
      name: prefix + name,
      type: typeText(member),
      fallback:
        member.default !== undefined ? JSON.stringify(member.default) : required.includes(name) ? 'required' : '-',
      description: member.description ?? '',
    },
    ...rowsOf(groupOf(member), `${prefix}${name}.`),
  ])
}

/** The group that an option is, or may be; none where its members need no words. */
const groupOf = (member: JsonSchema): JsonSchema =>
  [member, ...(member.anyOf ?? [])].find(({ properties = {} }) =>
    Object.values(properties).some(({ description }) => description),
  ) ?? {}

function typeText(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ')
  if (schema.enum) return schema.enum.map(String).join(' | ')
  if (schema.const !== undefined) return String(schema.const)
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  if (schema.type === 'object') return schema.properties ? `{${Object.keys(schema.properties).join(', ')}}` : 'options'
  if (schema.type === 'integer' || schema.type === 'number')
    return `${schema.type === 'integer' ? 'whole number' : 'number'}${rangeText(schema)}`
  return schema.type === 'boolean' ? 'true | false' : schema.type === 'string' ? 'text' : 'any'
}

function rangeText({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const low =
    minimum !== undefined ? `${minimum}` : exclusiveMinimum !== undefined ? `more than ${exclusiveMinimum}` : undefined
  const high =
    maximum !== undefined && maximum < 2 ** 31
      ? `${maximum}`
      : exclusiveMaximum !== undefined
        ? `less than ${exclusiveMaximum}`
        : undefined
  if (low?.startsWith('-9007')) return ''
  if (low !== undefined && high !== undefined) return ` ${low} to ${high}`
  return low !== undefined
    ? low.startsWith('more')
      ? ` ${low}`
      : ` from ${low}`
    : high !== undefined
      ? ` up to ${high}`
      : ''
}

/** The JSON Schema of pipeline files, for editors. */
export function pipelineSchema(stages: readonly Stage[]): object {
  const { properties, required, ...rest } = schemaOf(pipelineOptions)
  const steps = stages.map(({ name, summary, options }) => {
    const { $schema: _, ...schema } = schemaOf(options) as JsonSchema & { $schema?: string }
    return {
      ...schema,
      title: name,
      description: summary,
      properties: { stage: { const: name, description: summary }, ...schema.properties },
      required: ['stage', ...(schema.required ?? [])],
    }
  })
  const custom = {
    title: 'custom',
    type: 'object',
    properties: {
      stage: { type: 'string', pattern: '^\\.{0,2}/', description: 'A stage of your own, relative to this file' },
    },
    required: ['stage'],
  }
  return {
    ...rest,
    title: 'prep pipeline',
    properties: { ...properties, steps: { ...properties?.steps, items: { anyOf: [...steps, custom] } } },
    required,
  }
}

/** docs/stages.md. */
export function stagesDocument(stages: readonly Stage[]): string {
  const table = (rows: readonly OptionRow[]): string =>
    [
      '| option | value | default | meaning |',
      '| --- | --- | --- | --- |',
      ...rows.map(
        ({ name, type, fallback, description }) =>
          `| \`${name}\` | ${cell(type)} | ${cell(fallback)} | ${cell(description)} |`,
      ),
    ].join('\n')
  const sections = stages.map(
    ({ name, summary, details, needs, gives, options }) =>
      `## ${name}\n\n${summary}. Needs ${needs.join(', ') || 'nothing'}; gives ${gives.join(', ') || 'files only'}.\n\n${details ? `${details}\n\n` : ''}${table(describeOptions(options))}\n`,
  )
  return `# Stages\n\nGenerated from the schemas by \`npm run docs\`; \`prep stages NAME\` prints the same.\n\n## The pipeline itself\n\n${table(describeOptions(pipelineOptions))}\n\n${sections.join('\n')}`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
