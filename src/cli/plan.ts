/** `prep plan`: everything that a run would do; writes nothing. */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Command } from 'commander'
import { parseOverride } from '../pipeline/overrides.js'
import { type PipelinePlan, planPipeline } from '../pipeline/plan.js'
import { readPipeline } from '../pipeline/read.js'
import { bytesText } from '../words.js'
import { printLine } from './render.js'
import { collect } from './run.js'

export function planCommand(): Command {
  return new Command('plan')
    .description('Show what a run would do: steps with all options, what is reused, what is written; writes nothing')
    .argument('<pipelines...>', 'pipeline files (YAML)')
    .option('--set <path=value>', 'override a value, as with run (repeatable)', collect, [])
    .option('--json', 'print the plan as JSON')
    .action(async (files: string[], { set, json }: { set: readonly string[]; json?: boolean }) => {
      for (const file of files) {
        const plan = await planPipeline(await readPipeline(file, { overrides: set.map(parseOverride) }))
        if (json) printLine(JSON.stringify(plan, null, 2))
        else await printPlan(plan)
      }
    })
}

async function printPlan({ name, file, output, seed, photos, steps, bytes }: PipelinePlan): Promise<void> {
  printLine(`${name} (${file}), seed ${seed}, into ${output}`)
  printLine(`photos: ${photos.count} found${photos.note ? ` (${photos.note})` : ''}\n`)
  for (const { stage, options, defaults, effects, state } of steps) {
    printLine(`${stage}: ${state}`)
    for (const [option, value] of Object.entries(options))
      printLine(`    ${option}: ${JSON.stringify(value)}${defaults.includes(option) ? '  (default)' : ''}`)
    for (const effect of effects) printLine(`    ${effect.replaceAll('OUT/', `${output}/`)}`)
  }
  const free = await freeBytes(output)
  printLine(
    `\nabout ${bytesText(bytes)} of data set and as much again of cache${free === undefined ? '' : `; ${bytesText(free)} free`}`,
  )
}

async function freeBytes(path: string): Promise<number | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const info = await statfs(at).catch(() => undefined)
    if (info) return info.bavail * info.bsize
    if (at === dirname(at)) return undefined
  }
}
