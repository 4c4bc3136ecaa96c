/** `prep doctor`: what this machine can do, and what to do about what it cannot. */
import { statfs } from 'node:fs/promises'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { Command } from 'commander'
import { CODEC_VERSION } from '../images/decode.js'
import { bytesText } from '../words.js'
import { printLine, printTable } from './render.js'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Show what this machine can do: codec, engines with reasons and hints, cores, memory, disk')
    .option('--json', 'print as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { probeEngines } = await import('../trainer/engines/index.js')
      const engines = await probeEngines()
      const disk = await statfs('.')
      const facts = {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        codec: CODEC_VERSION,
        cores: availableParallelism(),
        processor: cpus()[0]?.model ?? 'unknown',
        memoryBytes: totalmem(),
        freeMemoryBytes: freemem(),
        freeDiskBytes: disk.bavail * disk.bsize,
      }
      if (json) return printLine(JSON.stringify({ ...facts, engines }, null, 2))
      printTable([
        ['node', `${facts.node} on ${facts.platform}`],
        ['codec', facts.codec],
        ['cores', `${facts.cores} (${facts.processor})`],
        ['memory', `${bytesText(facts.memoryBytes)}, ${bytesText(facts.freeMemoryBytes)} free`],
        ['disk', `${bytesText(facts.freeDiskBytes)} free here`],
      ])
      printLine('\nengines; engine: auto takes a GPU before native code, never JavaScript')
      for (const { name, probe } of engines) {
        printLine(`  ${name}: ${probe.available ? `available, ${probe.device}` : `not available, ${probe.reason}`}`)
        if (probe.hint !== undefined) printLine(`    hint: ${probe.hint}`)
      }
    })
}
