/**
 * Seconds per training step and peak memory against PyTorch eager: the same nets, batch and threads, a few steps each in
 * turn, each side in a process of its own, ours with the environment that `prep` gives it. And how much of what the
 * processor can multiply a step uses.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { TRAINER_ENVIRONMENT } from '../src/trainer/run.js'
import { findPython } from './python.js'
import { type BenchRow, row } from './row.js'
import { macsOf, peakGflops } from './train-peak.js'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
/** Both sides run this many steps per turn. */
const STEPS_PER_TURN = 2
const CASES = [
  { size: 256, batch: 1, turns: 6 },
  { size: 512, batch: 1, turns: 3 },
  { size: 256, batch: 4, turns: 2 },
] as const
type Case = (typeof CASES)[number]

/** Time all cases; without PyTorch the rows have only our figures and a note. */
export async function benchTrain(): Promise<BenchRow[]> {
  const python = findPython('torch')
  const peak = await peakGflops(availableParallelism())
  const rows: BenchRow[] = []
  for (const one of CASES) rows.push(...(await benchCase(one, python, peak)))
  return rows
}

async function benchCase({ size, batch, turns }: Case, python: string | undefined, peak: number): Promise<BenchRow[]> {
  const threads = availableParallelism()
  const numbers = [size, threads, batch].map(String)
  const node = ['--import', 'tsx', here('train-step.ts'), ...numbers]
  const us = await Side.start(process.execPath, node, { ...TRAINER_ENVIRONMENT, ...process.env })
  const peer = python ? await Side.start(python, [here('peers/pix2pix_step.py'), ...numbers], process.env) : undefined
  const [ours, theirs]: [number[], number[]] = [[], []]
  let [memory, theirMemory] = [Number.NaN, Number.NaN]
  try {
    // the first turn of each warms up
    for (let turn = 0; turn <= turns; turn++) {
      const mine = await us.steps(STEPS_PER_TURN)
      const other = (await peer?.steps(STEPS_PER_TURN)) ?? []
      if (turn > 0) {
        ours.push(...mine)
        theirs.push(...other)
      }
    }
    memory = us.peakMB
    theirMemory = peer?.peakMB ?? Number.NaN
  } finally {
    us.stop()
    peer?.stop()
  }
  const what = `pix2pix step ${size}x${size}, batch ${batch}, ${threads} threads`
  const [a, b] = [median(ours), median(theirs)]
  const gflops = (2 * macsOf(size, batch)) / a / 1e9
  const note = peer ? `${us.name} against PyTorch ${peer.name}` : 'no Python with torch found: no peer'
  return [
    row(what, a, b, 's', note),
    row(`${what}: peak memory`, memory, theirMemory, 'MB'),
    ...Object.entries(us.timing).map(([work, seconds]) =>
      row(`${what}: ${work}`, seconds, a, 's', 'of the last step; peer: our whole step'),
    ),
    row(`${what}: products a second`, gflops, peak, 'GFLOP/s', 'peer: what a large matmul reaches here'),
  ]
}

/** One of the two in a process of its own, idle between turns. */
class Side {
  /** Where the seconds of its last step went, if it tells. */
  timing: Readonly<Record<string, number>> = {}

  private constructor(
    private readonly process: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly name: string,
  ) {}

  static async start(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<Side> {
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'], env })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const ready = await lines.next()
    if (ready.done) throw new Error(`${words.join(' ')} did not start`)
    return new Side(child, lines, ready.value.replace('ready ', ''))
  }

  async steps(count: number): Promise<number[]> {
    this.process.stdin!.write(`${count}\n`)
    const answer = await this.lines.next()
    if (answer.done) throw new Error(`${this.name} ended early`)
    const [seconds, timing] = answer.value.split(' | ')
    if (timing) this.timing = JSON.parse(timing)
    return seconds!.split(' ').map(Number)
  }

  /** The most memory it has had so far; Linux only. */
  get peakMB(): number {
    try {
      const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.process.pid}/status`, 'utf8'))
      return Math.round(Number(found?.[1]) / 1024)
    } catch {
      return Number.NaN
    }
  }

  stop(): void {
    this.process.stdin!.end()
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const row of await benchTrain()) console.log(JSON.stringify(row))
