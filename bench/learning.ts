/**
 * Learning, not only speed: our trainer and PyTorch's from the same initial weights, on the same rows in the same order
 * with the same dropout masks, for the same number of steps. `ours` and `peer` are the mean L1 distance of paintings to
 * held-out photos, in [-1, 1]; dropout is off in painting.
 *
 * PREP_BENCH_STEPS (300) steps at batch 1 and PREP_BENCH_WIDTH (64) channels, on camvid at 256x256 without augmentation.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { writeSafetensors } from '../src/formats/safetensors/write.js'
import { parseOverride } from '../src/pipeline/overrides.js'
import { readPipeline } from '../src/pipeline/read.js'
import { runPipeline } from '../src/pipeline/run.js'
import { planFraming } from '../src/trainer/augment.js'
import { type Encoding, encodeCentre } from '../src/trainer/batch.js'
import { type Corpus, openCorpus } from '../src/trainer/corpus.js'
import type { Tensors } from '../src/trainer/engines/engine.js'
import { selectEngine } from '../src/trainer/engines/index.js'
import { dropoutMasks, dropoutShapes, type Pix2PixConfig, pix2pixConfig } from '../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../src/trainer/pix2pix/step.js'
import { randomAt, unitNumbers } from '../src/trainer/random.js'
import { createSampler } from '../src/trainer/sampler.js'
import { findPython } from './python.js'
import { type BenchRow, row } from './row.js'
import { camvid } from './truth.js'

const root = resolve(import.meta.dirname, '..')
const STEPS = Number(process.env.PREP_BENCH_STEPS ?? 300)
const WIDTH = Number(process.env.PREP_BENCH_WIDTH ?? 64)
const SEED = 42
const RATE = 2e-4
/** Held-out rows are painted after each of these shares of the steps. */
const MARKS = [0, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1]
/** The largest difference at the end that is no reason to look closer. */
const WITHIN = 0.02

interface Learning {
  readonly dataset: string
  readonly corpus: Corpus
  readonly encoding: Encoding
  readonly model: Pix2PixConfig
  /** The training row of each step. */
  readonly rows: readonly number[]
  readonly marks: readonly number[]
  readonly initial: Tensors
}

/** Held-out L1 by the number of steps. */
type Curve = ReadonlyMap<number, number>

export async function benchLearning(): Promise<BenchRow[]> {
  const name = (steps: number): string => `held-out L1 after ${steps} steps`
  if (!existsSync(join(camvid, 'photos')))
    return [row(name(STEPS), Number.NaN, Number.NaN, '', `no photos at ${camvid}`)]
  const folder = await mkdtemp(join(tmpdir(), 'prep-learning-'))
  try {
    const learning = await prepare(folder)
    const python = findPython('torch', 'numpy')
    const threads = availableParallelism()
    const theirs = python ? await learnPeer(learning, folder, python, threads) : undefined
    const ours = await learnOurs(learning, threads)
    await learning.corpus.close()
    const { train, test } = learning.corpus.rows
    return learning.marks.map(step => {
      const one = row(name(step), ours.get(step)!, theirs?.get(step) ?? Number.NaN, '')
      const off = Math.abs(one.ratio - 1)
      const verdict = step === STEPS ? `, ${off <= WITHIN ? 'within' : 'NOT within'} ${100 * WITHIN}%` : ''
      const setting = `${train} training rows, ${test} held out, width ${WIDTH}`
      const apart = `${(100 * off).toFixed(2)}% apart${verdict}`
      return { ...one, note: theirs ? `${apart}; ${setting}` : 'no Python with torch and numpy found: no peer' }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Pack camvid as pipelines/camvid.yaml does, draw the weights and masks, and choose the rows of all steps. */
async function prepare(folder: string): Promise<Learning> {
  const pipeline = await readPipeline(join(root, 'pipelines/camvid.yaml'), {
    environment: { CAMVID: camvid },
    overrides: [parseOverride(`output=${join(folder, 'run')}`)],
  })
  const until = pipeline.steps.findIndex(({ stage }) => stage.name === 'pack')
  const { set } = await runPipeline(pipeline, { jobs: availableParallelism(), until })
  const dataset = set.artefacts.dataset!.path
  const corpus = await openCorpus(dataset)
  const labels = corpus.colours.length
  const encoding: Encoding = {
    framing: planFraming(corpus.size, { flip: false }),
    labelInput: 'onehot',
    colours: corpus.colours,
  }
  const model = pix2pixConfig({ ...corpus.size, labelChannels: labels, ngf: WIDTH, ndf: WIDTH })
  const sampler = createSampler({ rows: corpus.rows.train, batch: 1, buffer: 0, seed: SEED })
  const rows = Array.from({ length: STEPS }, (_, i) => sampler.picks(i + 1)[0]!.row)
  const marks = [...new Set(MARKS.map(share => Math.round(share * STEPS)))]
  const initial = initialWeights(model, unitNumbers(randomAt(SEED, 'init')))
  return { dataset, corpus, encoding, model, rows, marks, initial }
}

const masksOf = (model: Pix2PixConfig, step: number): Tensors =>
  dropoutMasks(model, unitNumbers(randomAt(SEED, 'dropout', step)))

async function learnOurs({ corpus, encoding, model, rows, marks, initial }: Learning, threads: number): Promise<Curve> {
  const engine = await selectEngine('auto')
  const session = await engine.load(buildStep(model), initial, { threads })
  const [train, test] = [corpus.reader('train'), corpus.reader('test')]
  const curve = new Map<number, number>()
  const heldOut = async (): Promise<number> => {
    let sum = 0
    for (let at = 0; at < corpus.rows.test; at++) {
      const { label, photo } = encodeCentre(await test(at), encoding)
      sum += meanDistance((await session.generate({ label })).data, photo.data)
    }
    return sum / corpus.rows.test
  }
  for (let step = 0; step <= STEPS; step++) {
    if (step > 0) {
      const { label, photo } = encodeCentre(await train(rows[step - 1]!), encoding)
      await session.step({ label, photo, ...masksOf(model, step) }, { G: RATE, D: RATE })
    }
    if (marks.includes(step)) curve.set(step, await heldOut())
    progress(engine.name, step, curve)
  }
  await session.dispose()
  return curve
}

function meanDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!)
  return sum / a.length
}

async function learnPeer(learning: Learning, folder: string, python: string, threads: number): Promise<Curve> {
  const { dataset, model, rows, marks, initial } = learning
  const [weights, masks, plan] = ['weights.safetensors', 'masks.safetensors', 'plan.json'].map(file =>
    join(folder, file),
  )
  const f32 = ([name, { shape, data }]: [string, Tensors[string]]) =>
    [name, { dtype: 'F32' as const, shape, data: data as Float32Array<ArrayBuffer> }] as const
  await writeSafetensors(weights!, Object.fromEntries(Object.entries(initial).map(f32)))
  await writeSafetensors(masks!, allMasks(model))
  const { downs, labelChannels } = model
  const text = {
    dataset,
    weights,
    masks,
    rows,
    marks,
    steps: STEPS,
    downs,
    width: WIDTH,
    labelChannels,
    learningRate: RATE,
  }
  await writeFile(plan!, JSON.stringify(text))
  const script = fileURLToPath(new URL('peers/pix2pix_learn.py', import.meta.url))
  const child = spawn(python, [script, plan!, String(threads)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>(done => child.on('close', done))
  const curve = new Map<number, number>()
  for await (const line of createInterface({ input: child.stdout })) {
    const { step, l1 } = JSON.parse(line) as { step: number; l1: number }
    curve.set(step, l1)
    progress('PyTorch', step, curve)
  }
  const code = await ended
  if (code !== 0) throw new Error(`pix2pix_learn.py ended with exit code ${code}`)
  return curve
}

/** The masks of all steps, a byte an element: `dropout.0` [steps, C, h, w], ... */
function allMasks(model: Pix2PixConfig) {
  const stacked = Object.fromEntries(
    Object.entries(dropoutShapes(model)).map(([name, [, ...shape]]) => [
      name,
      { dtype: 'U8' as const, shape: [STEPS, ...shape], data: new Uint8Array(shape.reduce((a, b) => a * b, STEPS)) },
    ]),
  )
  for (let step = 1; step <= STEPS; step++)
    for (const [name, { data }] of Object.entries(masksOf(model, step)))
      stacked[name]!.data.set(Uint8Array.from(data), (step - 1) * data.length)
  return stacked
}

/** On a terminal, for the full bench takes minutes. */
function progress(side: string, step: number, curve: Curve): void {
  if (!process.stderr.isTTY) return
  const l1 = [...curve.values()].at(-1)?.toFixed(4)
  process.stderr.write(`\r${side}: step ${step} of ${STEPS}, held-out L1 ${l1} ${step === STEPS ? '\n' : ''}`)
}
