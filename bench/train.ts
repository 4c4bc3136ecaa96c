/** Seconds per training step against PyTorch eager: the same nets, batch and threads, a few steps each in turn. */
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Session, Tensors } from '../src/trainer/engines/engine.js'
import { selectEngine } from '../src/trainer/engines/index.js'
import { dropoutMasks, type Pix2PixConfig, pix2pixConfig } from '../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../src/trainer/pix2pix/step.js'
import { findPython } from './python.js'
import type { BenchRow } from './row.js'

const PEER = fileURLToPath(new URL('./peers/pix2pix_step.py', import.meta.url))
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
  const config = pix2pixConfig({ width: size, height: size, labelChannels: 3 })
  const engine = await selectEngine('auto')
  const session = await engine.load(buildStep(config), initialWeights(config, Math.random), { threads })
  const batch = randomBatch(config)
  const peer = python ? await Peer.start(python, size, threads) : undefined
  const [ours, theirs]: [number[], number[]] = [[], []]
  try {
    // the first turn of each warms up
    for (let turn = 0; turn <= turns; turn++) {
      const mine = await timeSteps(session, batch)
      const other = (await peer?.steps(STEPS_PER_TURN)) ?? []
      if (turn > 0) {
        ours.push(...mine)
        theirs.push(...other)
      }
    }
  } finally {
    await session.dispose()
    peer?.stop()
  }
  const name = `pix2pix step ${size}x${size}, batch 1, ${threads} threads`
  const [a, b] = [median(ours), median(theirs)]
  const row = { name, ours: a, peer: b, ratio: a / b, unit: 's' }
  return { ...row, note: peer ? `${engine.name} against ${peer.version}` : 'no Python with torch found: no peer' }
}

async function timeSteps(session: Session, batch: Tensors): Promise<number[]> {
  const seconds: number[] = []
  for (let i = 0; i < STEPS_PER_TURN; i++) {
    const start = performance.now()
    await session.step(batch, { G: 2e-4, D: 2e-4 })
    seconds.push((performance.now() - start) / 1000)
  }
  return seconds
}

function randomBatch(config: Pix2PixConfig): Tensors {
  const { batch, width, height, labelChannels } = config
  const image = (channels: number) => ({
    shape: [batch, channels, height, width],
    data: Float32Array.from({ length: batch * channels * height * width }, () => Math.random() * 2 - 1),
  })
  return { label: image(labelChannels), photo: image(3), ...dropoutMasks(config, Math.random) }
}

/** PyTorch in a process of its own, idle between turns. */
class Peer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly version: string,
  ) {}

  static async start(python: string, size: number, threads: number): Promise<Peer> {
    const child = spawn(python, [PEER, String(size), String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const ready = await lines.next()
    if (ready.done) throw new Error(`${PEER} did not start`)
    return new Peer(child, lines, ready.value.replace('ready', 'PyTorch'))
  }

  async steps(count: number): Promise<number[]> {
    this.process.stdin!.write(`${count}\n`)
    const answer = await this.lines.next()
    if (answer.done) throw new Error(`${PEER} ended early`)
    return answer.value.split(' ').map(Number)
  }

  stop(): void {
    this.process.stdin!.end()
  }
}

/** The first Python that imports torch: $PREP_PYTHON, else those of the system. */
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const row of await benchTrain()) console.log(JSON.stringify(row))
