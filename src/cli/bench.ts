/** `prep bench train`: which engine of this machine trains fastest. */
import { Command, InvalidArgumentError } from 'commander'
import { printLine, printTable } from './render.js'

interface BenchFlags {
  readonly size: number
  readonly batch: number
  readonly steps: number
  readonly width: number
  readonly engine: readonly string[]
  readonly json?: boolean
}

export function benchCommand(): Command {
  const bench = new Command('bench').description('Measure what this machine can do')
  bench
    .command('train')
    .description('Time a pix2pix training step on every engine that runs here')
    .option('--size <px>', 'side of the images: a power of two', powerOfTwo, 256)
    .option('--batch <n>', 'images a step', whole, 1)
    .option('--steps <n>', 'steps that count; the median is told', whole, 5)
    .option('--width <channels>', 'channels of the first layers, as `width` of the train step', whole, 64)
    .option('--engine <names...>', 'these engines alone, also the slow ones', [])
    .option('--json', 'one object a line')
    .addHelpText(
      'after',
      '\nThe nets are those of `prep run` with these options; the images are noise. Try --size 64 --width 16 for a quick look.',
    )
    .action(async (flags: BenchFlags) => {
      const { benchEngines } = await import('../trainer/bench-engines.js')
      const found = []
      for await (const timing of benchEngines(flags, flags.engine)) {
        if (flags.json) printLine(JSON.stringify(timing))
        else if ('reason' in timing) printLine(`${timing.engine}: not timed, ${timing.reason}`)
        else found.push(timing)
      }
      if (flags.json || found.length === 0) return
      const fastest = Math.min(...found.map(({ seconds }) => seconds))
      printTable([
        ['engine', 's a step', 'img/s', 'times the fastest', 'device'],
        ...found.map(({ engine, seconds, imagesPerSecond, device }) => [
          engine,
          seconds.toPrecision(3),
          imagesPerSecond.toPrecision(3),
          (seconds / fastest).toFixed(1),
          device,
        ]),
      ])
    })
  return bench
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1')
  return value
}

function powerOfTwo(text: string): number {
  const value = whole(text)
  if (value < 32 || value > 2048 || (value & (value - 1)) !== 0)
    throw new InvalidArgumentError('expected a power of two from 32 to 2048')
  return value
}
