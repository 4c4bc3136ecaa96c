/** Trains pix2pix on the packed data set; what a training step is, src/trainer says. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { sha256File } from '../files.js'
import { seedFor } from '../pipeline/random.js'
import { defineStage, type Problem, type SampleSet } from '../pipeline/stage.js'
import type { TrainEvent } from '../trainer/events.js'
import { type TrainOptions, trainOptions } from '../trainer/options.js'
import { checkNets } from '../trainer/plan.js'
import { runTraining } from '../trainer/run.js'
import { isInside } from './patterns.js'

export const train = defineStage({
  name: 'train',
  version: 1,
  summary: 'Train pix2pix on the packed data set',
  details:
    'Leaves OUT/train/checkpoints, OUT/train/samples (input | truth | prediction), OUT/train/metrics.jsonl, and drawn from these OUT/train/curves.png, OUT/train/progress.png and OUT/train/tensorboard. Goes on from the newest intact checkpoint; when the data set or the net changed, the old training is kept in OUT/train/previous (previous-2, ...), never deleted.',
  options: trainOptions,
  needs: ['dataset'],
  gives: ['model'],
  neutral: ['threads', 'resume', 'log_every', 'max_minutes', 'checkpoint_every'],
  files: ({ init_from }) => (init_from === undefined ? [] : [init_from]),
  plan: ({ epochs, engine, gan }) => [`trains pix2pix for ${epochs} epochs (engine ${engine}, ${gan})`],
  check: (options, { size, output }) => [
    ...(size ? netProblems(options, size) : []),
    ...(options.init_from !== undefined && isInside(options.init_from, output)
      ? [
          {
            option: 'init_from',
            code: 'INPUT_CYCLE' as const,
            message: `${options.init_from} is made by this pipeline itself`,
            hint: 'copy it out of the output folder first',
          },
        ]
      : []),
  ],
  async intact(result) {
    const checkpoint = result.artefacts.model
    return checkpoint !== undefined && (await stat(checkpoint.path).catch(() => undefined)) !== undefined
  },
  async run(set, options, context) {
    const folder = join(context.output, 'train')
    const job = {
      dataset: set.artefacts.dataset!.path,
      output: folder,
      options: context.fresh ? { ...options, resume: 'never' as const } : options,
      seed: seedFor(context.seed, 'train'),
      signal: context.signal,
      onEvent: (event: TrainEvent) => context.train(event),
    }
    const result = await runTraining(job).catch(async error => {
      if (!(error instanceof PrepError) || error.code !== 'CHECKPOINT_MISMATCH' || options.resume !== 'auto')
        throw error
      // Another data set or net: train anew, as any step does whose inputs changed; nothing is lost.
      context.note(error.message)
      return runTraining({ ...job, options: { ...options, resume: 'never' } })
    })
    if (result.interrupted)
      throw new PrepError(
        'INTERRUPTED',
        `${result.outOfTime ? `${options.max_minutes} minutes are over (max_minutes): ` : ''}training stopped after step ${result.step}; ${result.checkpoint} has everything so far`,
      )
    const model = { path: result.checkpoint, key: sha256File(result.checkpoint) }
    return { ...set, artefacts: { ...set.artefacts, model } } satisfies SampleSet
  },
})

/** Known before the photos are prepared, which may take an hour. */
function netProblems(options: TrainOptions, size: { readonly width: number; readonly height: number }): Problem[] {
  try {
    checkNets(size, options)
    return []
  } catch (error) {
    if (!(error instanceof PrepError)) throw error
    const { code, message, hint } = error
    return [{ option: 'stage', code, message, hint }]
  }
}
