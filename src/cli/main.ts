/** The `prep` command: one file per subcommand; errors become text and an exit code here. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { PrepError, PrepErrors } from '../errors.js'
import { benchCommand } from './bench.js'
import { checkpointCommand } from './checkpoint.js'
import { doctorCommand } from './doctor.js'
import { evalCommand } from './eval.js'
import { exitCode } from './exit-code.js'
import { exportCommand } from './export.js'
import { failuresCommand } from './failures.js'
import { generateCommand } from './generate.js'
import { initCommand } from './init.js'
import { inspectCommand } from './inspect.js'
import { labelCommand } from './label.js'
import { paintCommand } from './paint.js'
import { paletteCommand } from './palette.js'
import { planCommand } from './plan.js'
import { printError } from './render.js'
import { reportCommand } from './report.js'
import { retryCommand } from './retry.js'
import { runCommand } from './run.js'
import { splitCommand } from './split.js'
import { stagesCommand } from './stages.js'
import { validateCommand } from './validate.js'
import { verifyCommand } from './verify.js'
import { whyCommand } from './why.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('prep')
  .description('From a folder of photos to a trained image-to-image model: one YAML file, one command.')
  .version(version)
  .showHelpAfterError('(prep --help shows the commands, prep COMMAND --help their options)')
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    'after',
    `
Start here:
  prep init                     write a commented pipeline.yaml to begin with
  prep plan pipeline.yaml       see what it would do; nothing is written
  prep run pipeline.yaml        do it; run it again any time, finished work is kept
  prep label 'my/*.jpg' --clusters 8 --out labels/

Exit codes: 0 done, 1 a bug of ours, 2 bad input, 3 too many photos failed, 4 no engine, 130 interrupted.`,
  )

for (const command of [
  runCommand,
  planCommand,
  validateCommand,
  stagesCommand,
  initCommand,
  labelCommand,
  whyCommand,
  failuresCommand,
  retryCommand,
  verifyCommand,
  splitCommand,
  inspectCommand,
  paletteCommand,
  evalCommand,
  generateCommand,
  paintCommand,
  exportCommand,
  reportCommand,
  checkpointCommand,
  benchCommand,
  doctorCommand,
])
  program.addCommand(throwing(command()))

/** Mistakes in the command line are thrown, by commands within commands as well: the exit code is decided below. */
function throwing(command: Command): Command {
  command.commands.forEach(throwing)
  return command.exitOverride()
}

// A reader that has gone (`| head`) ends the command as Ctrl-C does: gently where there is work in hand.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.stderr.write(`cannot write to the standard output: ${error.code}\n`)
  process.exitCode = 2
  if (!process.stdout.destroyed) process.stdout.destroy()
  process.kill(process.pid, 'SIGINT')
})

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    if (error instanceof PrepErrors || error instanceof PrepError) printError(error)
    else printError(error instanceof Error ? error : new Error(String(error)))
    process.exitCode = exitCode(error)
  }
}
