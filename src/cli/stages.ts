/** `prep stages`: the stages and their options, from their schemas. */
import { Command } from 'commander'
import { PrepError } from '../errors.js'
import { describeOptions } from '../pipeline/describe.js'
import { suggest } from '../pipeline/suggest.js'
import { stages, stagesByName } from '../stages/index.js'
import { printLine, printTable } from './render.js'

export function stagesCommand(): Command {
  return new Command('stages')
    .description('List the stages, or show the options of one')
    .argument('[stage]', 'name of a stage')
    .action((name?: string) => {
      if (name === undefined) {
        printTable(
          stages.map(({ name, summary, needs, gives }) => [
            name,
            summary,
            `${needs.join(', ') || '-'} -> ${gives.join(', ') || '-'}`,
          ]),
        )
        printLine('\nprep stages NAME shows the options of one.')
        return
      }
      const stage = stagesByName.get(name)
      if (!stage) {
        const near = suggest(name, [...stagesByName.keys()])
        throw new PrepError('UNKNOWN_STAGE', `unknown stage ${name}`, {
          hint: near ? `did you mean ${near}?` : `the stages are ${[...stagesByName.keys()].join(', ')}`,
        })
      }
      printLine(`${stage.name}: ${stage.summary}`)
      if (stage.details) printLine(`\n${stage.details}`)
      printLine(`\nneeds ${stage.needs.join(', ') || 'nothing'}; gives ${stage.gives.join(', ') || 'files only'}\n`)
      printTable(
        describeOptions(stage.options).map(({ name, type, fallback, description }) => [
          name,
          type,
          fallback,
          description,
        ]),
      )
    })
}
