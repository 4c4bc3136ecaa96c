/** `prep validate`: every mistake of pipeline files at once, each with its place. */
import { Command } from 'commander'
import { parseOverride } from '../pipeline/overrides.js'
import { readPipeline } from '../pipeline/read.js'
import { printLine } from './render.js'
import { collect } from './run.js'

export function validateCommand(): Command {
  return new Command('validate')
    .description('Check pipeline files: all mistakes at once, each with line and column; nothing is run')
    .argument('<pipelines...>', 'pipeline files (YAML)')
    .option('--set <path=value>', 'override a value, as with run (repeatable)', collect, [])
    .action(async (files: string[], { set }: { set: readonly string[] }) => {
      for (const file of files) {
        const { name, steps } = await readPipeline(file, { overrides: set.map(parseOverride) })
        printLine(
          `${file}: ${name}, ${steps.length} steps (${steps.map(({ stage }) => stage.name).join(' -> ')}), no mistakes`,
        )
      }
    })
}
