/** The training loop: rows in, steps by an engine, events out. It decides when to log, draw and save, and prints nothing. */
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { createFeed, type Feed } from './batch.js'
import { checkpointStem, writeCheckpoint } from './checkpoint.js'
import type { Losses, TrainEvent, TrainResult } from './events.js'
import { describeNotFinite } from './finite.js'
import { addStep, formatLosses, meansOf, NO_STEPS, type RunningMeans } from './metrics.js'
import { evalEvery } from './options.js'
import { dropoutMasks } from './pix2pix/model.js'
import { randomAt, unitNumbers } from './random.js'
import {
  type Best,
  CheckpointSchedule,
  findBest,
  isBetter,
  MINUTE_MS,
  pruneCheckpoints,
  writeBest,
} from './retention.js'
import { ratesOf } from './schedule.js'
import { openTraining, type TrainJob, type TrainSetup } from './setup.js'
import { versionsHere } from './versions.js'

export interface TrainHooks {
  readonly emit: (event: TrainEvent) => void
  /** Asked before each step; true makes the trainer write a checkpoint and return. */
  readonly stopped: () => boolean | Promise<boolean>
}

/**
 * Train pix2pix until the last epoch, or until stopped, going on from a checkpoint as `options.resume` says.
 *
 * Interrupted and resumed training leaves the same checkpoints and metrics as training in one go. It computes in the
 * calling thread and may block it for a step at a time: `runTraining` gives it a process of its own.
 * @throws {PrepError} `DATASET_MISSING` and its like, `TRAIN_SIZE`, `OPTION_OUT_OF_RANGE`, `ENGINE_UNAVAILABLE`,
 *   `CHECKPOINT_MISMATCH`, `CHECKPOINT_DAMAGED`, `WEIGHTS_MISMATCH`, `TRAIN_DIVERGED` (a loss is not finite: checkpoints stay), `DISK_FULL`
 */
export async function train(job: TrainJob, hooks: TrainHooks): Promise<TrainResult> {
  const setup = await openTraining(job, hooks.emit)
  try {
    return await new Loop(job, setup, hooks).run()
  } finally {
    await setup.close()
  }
}

const NO_TIME = { steps: 0, ms: 0, waitMs: 0 } as const

class Loop {
  private step: number
  private means: RunningMeans
  /** The newest checkpoint, and the step it was written after. */
  private saved: { readonly file: string; readonly step: number } | undefined
  private best: Best | undefined
  /** An evaluation was given up when the training was stopped. */
  private evaluationDue: boolean
  private sheet: string | undefined
  private epochMeans: Losses | undefined
  private readonly schedule: CheckpointSchedule
  private readonly began = performance.now()
  private stepsDone = 0
  private outOfTime = false
  /** Of the steps of the epoch at hand. */
  private clock: { readonly steps: number; readonly ms: number; readonly waitMs: number } = NO_TIME

  constructor(
    private readonly job: TrainJob,
    private readonly setup: TrainSetup,
    private readonly hooks: TrainHooks,
  ) {
    const { resumed, plan } = setup
    this.step = resumed?.state.step ?? 0
    this.means = resumed?.state.means ?? NO_STEPS
    this.saved = resumed && { file: resumed.file, step: resumed.state.step }
    this.evaluationDue = resumed?.state.evaluationDue ?? false
    this.schedule = new CheckpointSchedule(job.options, plan.sampler.stepsPerEpoch, this.began)
  }

  async run(): Promise<TrainResult> {
    const { options, seed } = this.job
    const { corpus, plan } = this.setup
    const { sampler, encoding, totalSteps } = plan
    const { flip } = options.augment
    const place = { first: this.step + 1, last: totalSteps }
    const feed = createFeed({ read: corpus.reader('train'), sampler, encoding, flip, seed, ...place })
    await this.recallBest()
    if (this.evaluationDue && (await this.evaluate())) await this.save()
    while (this.step < totalSteps && !(await this.isStopped())) {
      await this.runStep(feed)
      if (this.step % sampler.stepsPerEpoch === 0) await this.endEpoch()
      else if (this.step < totalSteps && this.schedule.isDue(this.step, performance.now())) await this.save()
    }
    // an end within an epoch: asked for by a stop, or by max_steps
    if (this.saved?.step !== this.step) {
      if (this.step === totalSteps) {
        await this.drawSheet()
        await this.evaluate()
      }
      await this.save()
    }
    return this.end()
  }

  private async end(): Promise<TrainResult> {
    const { checkpoints } = this.setup
    const interrupted = this.step < this.setup.plan.totalSteps || this.evaluationDue
    if (!interrupted) await this.prune(true)
    const pictures = await this.setup.log.draw()
    const { best } = this
    const result: TrainResult = {
      interrupted,
      ...(interrupted && this.outOfTime && { outOfTime: true }),
      epoch: this.epochsDone,
      step: this.step,
      checkpoint: this.saved!.file,
      ...(best && { best: { checkpoint: join(checkpoints, best.file), metric: best.metric, value: best.value } }),
      ...(this.sheet !== undefined && { sheet: this.sheet }),
      ...(this.epochMeans && { losses: this.epochMeans }),
      ...pictures,
    }
    this.hooks.emit({ type: 'train-end', result })
    return result
  }

  /** Asked to stop, or out of time; a run does a step at least. */
  private async isStopped(): Promise<boolean> {
    if (await this.hooks.stopped()) return true
    const { max_minutes = Number.POSITIVE_INFINITY } = this.job.options
    this.outOfTime = this.stepsDone > 0 && performance.now() - this.began >= max_minutes * MINUTE_MS
    return this.outOfTime
  }

  private get epochsDone(): number {
    return Math.floor(this.step / this.setup.plan.sampler.stepsPerEpoch)
  }

  private async runStep(feed: Feed): Promise<void> {
    const { options, seed } = this.job
    const { plan, session, log, pool } = this.setup
    const began = performance.now()
    const step = this.step + 1
    const epoch = this.epochsDone + 1
    const { waitMs, label, photo } = await feed.next()
    const masks = dropoutMasks(
      { ...plan.model, batch: plan.pairsPerStep },
      unitNumbers(randomAt(seed, 'dropout', step)),
    )
    const drawn = pool?.draw(label, randomAt(seed, 'pool', step))
    const losses = await session.step({ label, photo, ...masks, ...drawn?.inputs }, ratesOf(epoch, options))
    await this.checkFinite(losses, step, epoch)
    if (drawn) pool?.hold(drawn, label, session.painting())
    this.step = step
    this.stepsDone++
    this.means = addStep(this.means, losses)
    if (options.log_every > 0 && step % options.log_every === 0)
      await log.append({ type: 'step', epoch, step, ...losses })
    const stepMs = performance.now() - began
    const { steps, ms, waitMs: waited } = this.clock
    this.clock = { steps: steps + 1, ms: ms + stepMs, waitMs: waited + waitMs }
    const imagesPerSecond = (1000 * plan.pairsPerStep) / stepMs
    this.hooks.emit({ type: 'step', epoch, step, losses, imagesPerSecond, stepMs, dataWaitMs: waitMs })
  }

  /** A loss that is no number ends the training; which tensor went bad tells where to look. */
  private async checkFinite(losses: Losses, step: number, epoch: number): Promise<void> {
    const bad = Object.keys(losses).filter(name => !Number.isFinite(losses[name]))
    if (bad.length === 0) return
    const values = bad.map(name => `${name} is ${losses[name]}`).join(', ')
    const tensors = describeNotFinite(await this.setup.session.state()) ?? 'all weights and moments are still finite'
    throw new PrepError('TRAIN_DIVERGED', `${values} in step ${step} (epoch ${epoch}); ${tensors}`, {
      hint: `lower learning_rate${this.saved ? `; ${this.saved.file} holds the last good weights` : ''}`,
    })
  }

  private async endEpoch(): Promise<void> {
    const { step, epochsDone: epoch, job, setup } = this
    const { epochs, sample_every } = job.options
    const { totalSteps } = setup.plan
    const means = (this.epochMeans = meansOf(this.means))
    this.means = NO_STEPS
    const speed = this.speedOfEpoch()
    await setup.log.append({ type: 'epoch', epoch, step, rates: ratesOf(epoch, job.options), ...means })
    this.hooks.emit({
      type: 'epoch',
      epoch,
      step,
      means,
      speed,
      line: formatLosses({ epoch, epochs, step, totalSteps }, means),
    })
    const last = step === totalSteps
    const drawn = epoch % sample_every === 0
    if (last || drawn) await this.drawSheet()
    const evaluated = (last || epoch % evalEvery(job.options) === 0) && (await this.evaluate())
    const isBest = evaluated && this.best?.step === step
    if (last || isBest || this.schedule.isDue(step, performance.now())) await this.save()
    if (!last && (drawn || evaluated)) await setup.log.draw()
  }

  private speedOfEpoch() {
    const { steps, ms, waitMs } = this.clock
    this.clock = NO_TIME
    const imagesPerSecond = (1000 * steps * this.setup.plan.pairsPerStep) / ms
    return { imagesPerSecond, stepMs: ms / steps, dataWaitMs: waitMs / steps }
  }

  /** @returns whether there was an evaluation; one that is given up when the training is stopped is made up for later */
  private async evaluate(): Promise<boolean> {
    const { evaluation, session, log } = this.setup
    if (!evaluation) return (this.evaluationDue = false)
    this.evaluationDue = true
    const began = performance.now()
    const found = await evaluation.evaluate(session, { stopped: () => this.isStopped() })
    if (!found) return false
    this.evaluationDue = false
    const { step, epochsDone: epoch } = this
    const { figures } = found
    await log.append({ type: 'eval', epoch, step, split: evaluation.split, ...figures })
    const seconds = (performance.now() - began) / 1000
    const { split, unlabelled } = evaluation
    const facts = { split, rows: evaluation.rows.length, seconds, figures }
    this.hooks.emit({ type: 'eval', epoch, step, ...facts, ...(unlabelled !== undefined && { unlabelled }) })
    const { keep_best: metric } = this.job.options
    const value = metric && figures[metric]
    if (metric && value !== undefined && !(this.best && !isBetter(metric, value, this.best.value)))
      this.best = { file: `${this.stem}.safetensors`, metric, value, epoch, step }
    return true
  }

  /** The best checkpoint of the training so far, which best.json may not know yet or know from a future that was lost. */
  private async recallBest(): Promise<void> {
    const { keep_best: metric } = this.job.options
    const { checkpoints: folder, resumed, plan } = this.setup
    if (!metric || !resumed) return
    const metrics = join(this.job.output, 'metrics.jsonl')
    const { stepsPerEpoch } = plan.sampler
    this.best = await findBest(
      { folder, metrics, metric },
      line => `${checkpointStem(line, stepsPerEpoch)}.safetensors`,
    )
    await writeBest(folder, this.best)
  }

  private get stem(): string {
    return checkpointStem({ epoch: this.epochsDone, step: this.step }, this.setup.plan.sampler.stepsPerEpoch)
  }

  private async drawSheet(): Promise<void> {
    const { sheets, session, log } = this.setup
    if (!sheets) return
    const { step, epochsDone: epoch } = this
    const name = `samples/${this.stem}.png`
    const file = (this.sheet = join(this.job.output, name))
    await sheets.draw(session, file, `Epoch ${epoch}, step ${step}`)
    await log.append({ type: 'sheet', epoch, step, file: name })
    this.hooks.emit({ type: 'sheet', epoch, step, file })
  }

  private async save(): Promise<void> {
    const { corpus, plan, engine, session, checkpoints, log, pool } = this.setup
    const { step, epochsDone: epoch, means, evaluationDue } = this
    const { palette } = corpus
    const file = join(checkpoints, `${this.stem}.safetensors`)
    await log.sync()
    const { framing } = plan.encoding
    const made = { engine, palette, framing, versions: versionsHere() }
    const state = { epoch, step, ...plan.identity, ...made, means, metricsBytes: log.bytes, evaluationDue }
    const held = pool?.store([plan.model.height, plan.model.width])
    await writeCheckpoint(file, state, { ...(await session.state()), ...held?.tensors }, held?.bytes)
    this.saved = { file, step }
    this.schedule.saved(performance.now())
    this.hooks.emit({ type: 'checkpoint', epoch, step, file })
    if (this.best?.step === step) await writeBest(checkpoints, this.best)
    await this.prune(false)
  }

  private async prune(finished: boolean): Promise<void> {
    const { isRegular, stepOf } = this.schedule
    const { keep_last: last, keep_every: every } = this.job.options
    const best = this.best?.file
    await pruneCheckpoints(this.setup.checkpoints, {
      last,
      every,
      best,
      finished,
      isRegular: file => isRegular(stepOf(file)),
    })
  }
}
