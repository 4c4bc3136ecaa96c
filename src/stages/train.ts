/** Trains pix2pix on the packed data set; what a training step is, src/trainer says. */
import { mkdir, readdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PrepError } from '../errors.js'
import { sha256File, writeFileAtomic } from '../files.js'
import { canonicalJson, fingerprint, type Json } from '../pipeline/fingerprint.js'
import { seedFor } from '../pipeline/random.js'
import { defineStage, type SampleSet, type StageContext } from '../pipeline/stage.js'
import { type TrainOptions, trainOptions } from '../trainer/options.js'
import { runTraining } from '../trainer/run.js'

/** Options that a training run may change in its course: the checkpoints stay good. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  'epochs',
  'max_steps',
  'checkpoint_every',
  'keep_last',
  'sample_every',
  'sample_rows',
  'log_every',
  'threads',
  'resume',
])

export const train = defineStage({
  name: 'train',
  version: 1,
  summary: 'Train pix2pix on the packed data set',
  details:
    'Leaves OUT/train/checkpoints, OUT/train/samples (input | truth | prediction) and OUT/train/metrics.jsonl. Goes on from the newest intact checkpoint; when the data set or the net changed, the old training folder is moved aside (train.1, train.2, ...), never deleted.',
  options: trainOptions,
  needs: ['dataset'],
  gives: ['model'],
  neutral: ['threads', 'resume', 'log_every'],
  plan: ({ epochs, engine, gan }) => [`trains pix2pix for ${epochs} epochs (engine ${engine}, ${gan})`],
  async intact(result) {
    const checkpoint = result.artefacts.model
    return checkpoint !== undefined && (await stat(checkpoint.path).catch(() => undefined)) !== undefined
  },
  async run(set, options, context) {
    const dataset = set.artefacts.dataset!
    const folder = join(context.output, 'train')
    await prepareFolder(folder, identityOf(options, dataset.key, context.seed), options, context)
    const result = await runTraining({
      dataset: dataset.path,
      output: folder,
      options: context.fresh ? { ...options, resume: 'never' } : options,
      seed: seedFor(context.seed, 'train'),
      signal: context.signal,
      onEvent: event => context.train(event),
    })
    if (result.interrupted)
      throw new PrepError('INTERRUPTED', `training stopped after step ${result.step}; ${result.checkpoint} has everything so far`)
    const model = { path: result.checkpoint, key: await sha256File(result.checkpoint) }
    return { ...set, artefacts: { ...set.artefacts, model } } satisfies SampleSet
  },
})

/** What a checkpoint is tied to: the data, the net and the course of training. */
function identityOf(options: TrainOptions, dataset: string, seed: number): string {
  const fixed = Object.entries(options).filter(([name]) => !CHANGEABLE.has(name))
  return fingerprint({ dataset, seed, options: Object.fromEntries(fixed) as Json })
}

/** Checkpoints of another data set or net are moved aside, so that a changed option trains anew and loses nothing. */
async function prepareFolder(folder: string, identity: string, options: TrainOptions, context: StageContext): Promise<void> {
  const path = join(folder, 'identity.json')
  const before = await readFile(path, 'utf8').catch(() => undefined)
  const text = `${canonicalJson({ identity })}\n`
  const hasWork = (await readdir(join(folder, 'checkpoints')).catch(() => [])).length > 0
  if (hasWork && (context.fresh || options.resume === 'never' || before !== text)) {
    if (options.resume === 'required' && !context.fresh)
      throw new PrepError('CHECKPOINT_MISMATCH', `${folder} was trained on another data set or with other options`, {
        hint: 'undo the change, or use resume: auto to train anew beside the old results',
      })
    const aside = await freeName(folder)
    await rename(folder, aside)
    context.note(`the earlier training is kept in ${aside}`)
  }
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(path, text)
}

async function freeName(folder: string): Promise<string> {
  const taken = new Set(await readdir(dirname(folder)))
  for (let number = 1; ; number++) if (!taken.has(`train.${number}`)) return join(dirname(folder), `train.${number}`)
}
