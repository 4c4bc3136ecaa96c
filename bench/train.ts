/**
 * Seconds per training step against PyTorch eager: the same nets, batch and threads, a few steps each in turn, each side
 * in a process of its own, ours with the environment that `prep` gives it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { TRAINER_ENVIRONMENT } from '../src/trainer/run.js'
import { findPython } from './python.js'
import type { BenchRow } from './row.js'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
/** Both sides run this many steps per turn. */
const STEPS_PER_TURN = 2
const CASES = [
  { size: 256, turns: 6 },
  { size: 512, turns: 3 },
] as const

/** Time both at 256 and 512; without PyTorch the rows have only our seconds and a note. */
export async function benchTrain(): Promise<BenchRow[]> {
  const python = findPython('torch')
  const rows: BenchRow[] = []
  for (const { size, turns } of CASES) rows.push(await benchSize(size, turns, python))
  return rows
}

async function benchSize(size: number, turns: number, python: string | undefined): Promise<BenchRow> {
  const threads = availableParallelism()
  const numbers = [String(size), String(threads)]
  const node = ['--import', 'tsx', here('train-step.ts'), ...numbers]
  const us = await Side.start(process.execPath, node, { ...TRAINER_ENVIRONMENT, ...process.env })
  const peer = python ? await Side.start(python, [here('peers/pix2pix_step.py'), ...numbers], process.env) : undefined
  const [ours, theirs]: [number[], number[]] = [[], []]
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
  } finally {
    us.stop()
    peer?.stop()
  }
  const name = `pix2pix step ${size}x${size}, batch 1, ${threads} threads`
  const [a, b] = [median(ours), median(theirs)]
  const row = { name, ours: a, peer: b, ratio: a / b, unit: 's' }
  return { ...row, note: peer ? `${us.name} against PyTorch ${peer.name}` : 'no Python with torch found: no peer' }
}

/** One of the two in a process of its own, idle between turns. */
class Side {
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
    return answer.value.split(' ').map(Number)
  }

  stop(): void {
    this.process.stdin!.end()
  }
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const row of await benchTrain()) console.log(JSON.stringify(row))
