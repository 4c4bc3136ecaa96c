/** The training loop: rows in, steps by an engine, events out. It decides when to log, draw and save, and prints nothing. */
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { createFeed, type Feed } from './batch.js'
import { checkpointStem, pruneCheckpoints, writeCheckpoint } from './checkpoint.js'
import type { Losses, TrainEvent, TrainResult } from './events.js'
import { addStep, formatLosses, meansOf, NO_STEPS, type RunningMeans } from './metrics.js'
import { dropoutMasks } from './pix2pix/model.js'
import { randomAt, unitNumbers } from './random.js'
import { ratesOf } from './schedule.js'
import { openTraining, type TrainJob, type TrainSetup } from './setup.js'

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

class Loop {
  private step: number
  private means: RunningMeans
  /** The newest checkpoint, and the step it was written after. */
  private saved: { readonly file: string; readonly step: number } | undefined
  private sheet: string | undefined
  private epochMeans: Losses | undefined

  constructor(
    private readonly job: TrainJob,
    private readonly setup: TrainSetup,
    private readonly hooks: TrainHooks,
  ) {
    const { resumed } = setup
    this.step = resumed?.state.step ?? 0
    this.means = resumed?.state.means ?? NO_STEPS
    this.saved = resumed && { file: resumed.file, step: resumed.state.step }
  }

  async run(): Promise<TrainResult> {
    const { emit, stopped } = this.hooks
    const { options, seed } = this.job
    const { corpus, plan } = this.setup
    const { sampler, encoding, totalSteps } = plan
    const { flip } = options.augment
    const place = { first: this.step + 1, last: totalSteps }
    const feed = createFeed({ read: corpus.reader('train'), sampler, encoding, flip, seed, ...place })
    while (this.step < totalSteps && !(await stopped())) {
      await this.runStep(feed)
      if (this.step % sampler.stepsPerEpoch === 0) await this.endEpoch()
    }
    const interrupted = this.step < totalSteps
    // an end within an epoch: asked for by a stop, or by max_steps
    if (this.saved?.step !== this.step) {
      if (!interrupted) await this.drawSheet()
      await this.save()
    }
    const result: TrainResult = {
      interrupted,
      epoch: this.epochsDone,
      step: this.step,
      checkpoint: this.saved!.file,
      ...(this.sheet !== undefined && { sheet: this.sheet }),
      ...(this.epochMeans && { losses: this.epochMeans }),
    }
    emit({ type: 'train-end', result })
    return result
  }

  private get epochsDone(): number {
    return Math.floor(this.step / this.setup.plan.sampler.stepsPerEpoch)
  }

  private async runStep(feed: Feed): Promise<void> {
    const { options, seed } = this.job
    const { plan, session, metrics, pool } = this.setup
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
    this.checkFinite(losses, step, epoch)
    if (drawn) pool?.hold(drawn, label, session.painting())
    this.step = step
    this.means = addStep(this.means, losses)
    if (options.log_every > 0 && step % options.log_every === 0)
      await metrics.append({ type: 'step', epoch, step, ...losses })
    const imagesPerSecond = (1000 * plan.pairsPerStep) / (performance.now() - began)
    this.hooks.emit({ type: 'step', epoch, step, losses, imagesPerSecond, dataWaitMs: waitMs })
  }

  private checkFinite(losses: Losses, step: number, epoch: number): void {
    const bad = Object.keys(losses).filter(name => !Number.isFinite(losses[name]))
    if (bad.length === 0) return
    const values = bad.map(name => `${name} is ${losses[name]}`).join(', ')
    throw new PrepError('TRAIN_DIVERGED', `${values} in step ${step} (epoch ${epoch})`, {
      hint: `lower learning_rate${this.saved ? `; ${this.saved.file} holds the last good weights` : ''}`,
    })
  }

  private async endEpoch(): Promise<void> {
    const { step, epochsDone: epoch, job, setup } = this
    const { epochs, sample_every, checkpoint_every } = job.options
    const { totalSteps } = setup.plan
    const means = (this.epochMeans = meansOf(this.means))
    this.means = NO_STEPS
    await setup.metrics.append({ type: 'epoch', epoch, step, rates: ratesOf(epoch, job.options), ...means })
    this.hooks.emit({
      type: 'epoch',
      epoch,
      step,
      means,
      line: formatLosses({ epoch, epochs, step, totalSteps }, means),
    })
    if (step === totalSteps || epoch % sample_every === 0) await this.drawSheet()
    if (step === totalSteps || epoch % checkpoint_every === 0) await this.save()
  }

  private get stem(): string {
    return checkpointStem({ epoch: this.epochsDone, step: this.step }, this.setup.plan.sampler.stepsPerEpoch)
  }

  private async drawSheet(): Promise<void> {
    const { sheets, session } = this.setup
    if (!sheets) return
    const { step, epochsDone: epoch } = this
    const file = (this.sheet = join(this.job.output, 'samples', `${this.stem}.png`))
    await sheets.draw(session, file, `Epoch ${epoch}, step ${step}`)
    this.hooks.emit({ type: 'sheet', epoch, step, file })
  }

  private async save(): Promise<void> {
    const { corpus, plan, engine, session, checkpoints, metrics, pool } = this.setup
    const { step, epochsDone: epoch, means } = this
    const { palette } = corpus
    const file = join(checkpoints, `${this.stem}.safetensors`)
    await metrics.sync()
    const state = { epoch, step, ...plan.identity, engine, palette, means, metricsBytes: metrics.bytes }
    const held = pool?.store([plan.model.height, plan.model.width])
    await writeCheckpoint(file, state, { ...(await session.state()), ...held?.tensors }, held?.bytes)
    this.saved = { file, step }
    this.hooks.emit({ type: 'checkpoint', epoch, step, file })
    await pruneCheckpoints(checkpoints, this.job.options.keep_last)
  }
}
