/** The options of the `train` stage. Their defaults live here only, and their descriptions are the documentation. */
import { z } from 'zod'

/** What an evaluation says of G, by the names in metrics.jsonl; see evaluate.ts. */
export const HELD_OUT_METRICS = ['l1', 'psnr', 'ssim', 'pixel_accuracy', 'miou'] as const
export type HeldOutMetric = (typeof HELD_OUT_METRICS)[number]

const rate = z.number().positive().max(1)
const beta = z.number().min(0).lt(1)
const pixels = z.int().min(8).max(8192)

export const augmentOptions = z
  .strictObject({
    load_size: pixels
      .optional()
      .describe(
        'resize each pair so that its shorter side has this many pixels, photo by a triangle filter, labels by nearest; absent: no resize',
      ),
    crop: z
      .union([pixels, z.strictObject({ width: pixels, height: pixels })])
      .optional()
      .describe(
        'size of the random crop that the net sees, in pixels: a number for a square, or {width, height}; default: the size of the data set',
      ),
    flip: z.boolean().default(true).describe('mirror half of the pairs left to right; turn it off for text and maps'),
  })
  .describe('random changes made to photo and labels of a pair alike, each time the pair is used')

/**
 * How to train: read by the `train` stage from YAML, refused whole when a field is unknown or out of range.
 *
 * The values are those of Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017
 * (section 3.3 and appendix 6.2) where the paper gives one.
 */
export const trainOptions = z
  .strictObject({
    epochs: z.int().min(1).max(100_000).default(100).describe('times that every training row is used'),
    max_steps: z.int().min(1).optional().describe('stop after this many steps, even within an epoch'),
    max_minutes: z
      .number()
      .positive()
      .optional()
      .describe('end this run with a checkpoint after so many minutes; the same command goes on from it'),
    batch: z
      .int()
      .min(1)
      .max(1024)
      .default(1)
      .describe('pairs a step; an incomplete last batch is filled with rows from the start of the epoch'),
    buffer: z
      .int()
      .min(0)
      .default(50)
      .describe('rows in the shuffle buffer that the next row is drawn from; 0 shuffles the whole split'),
    engine: z
      .enum(['auto', 'onnx-cpu', 'onnx-webgpu', 'onnx-cuda', 'tfjs', 'reference'])
      .default('auto')
      .describe('what computes the steps; auto takes the fastest that works here'),
    threads: z.int().min(1).max(1024).optional().describe('CPU threads of the engine; default: one a core'),
    gan: z.enum(['bce', 'mse']).default('bce').describe('GAN loss: bce (the paper) or mse (least squares)'),
    lambda_l1: z.number().min(0).default(100).describe('weight of the L1 distance to the photo in the loss of G'),
    learning_rate: rate.default(2e-4).describe('Adam step size of G'),
    d_learning_rate: rate.optional().describe('Adam step size of D; default: learning_rate'),
    beta1: beta.default(0.5).describe('Adam decay of the first moment'),
    beta2: beta.default(0.999).describe('Adam decay of the second moment'),
    decay_from: z
      .int()
      .min(0)
      .optional()
      .describe('last epoch at the full learning rates; they fall in a line to 0 after it; absent: no decay'),
    width: z.int().min(1).max(1024).default(64).describe('channels of the first layer of G'),
    d_width: z.int().min(1).max(1024).default(64).describe('channels of the first layer of D'),
    downs: z
      .union([z.literal('auto'), z.int().min(1).max(16)])
      .default('auto')
      .describe('halvings from the image to the bottleneck of G; auto takes as many as the size allows'),
    d_layers: z.int().min(1).max(6).default(3).describe('strided layers of D: 3 judges patches of 70x70 pixels'),
    norm: z
      .enum(['batch', 'instance', 'none'])
      .default('batch')
      .describe('normalisation, by the statistics of the batch at hand'),
    dropout: z
      .boolean()
      .default(true)
      .describe('dropout of one half in the inner layers of G, the only noise of pix2pix'),
    label_input: z
      .enum(['onehot', 'colours'])
      .default('onehot')
      .describe('how G sees labels: a channel a class, or the three channels of the palette colours'),
    augment: augmentOptions.prefault({}),
    checkpoint_every: z
      .union([
        z.int().min(1),
        z
          .strictObject({
            epochs: z.int().min(1).optional(),
            steps: z.int().min(1).optional(),
            minutes: z.number().positive().optional(),
          })
          .refine(every => Object.keys(every).length > 0, 'expected epochs, steps or minutes'),
      ])
      .default(1)
      .describe(
        'epochs from one checkpoint to the next, or {epochs, steps, minutes}: whichever comes first; the last step always has one',
      ),
    keep_last: z.int().min(1).default(3).describe('checkpoints kept, newest first'),
    keep_every: z
      .int()
      .min(1)
      .optional()
      .describe('keep the checkpoint of every so many epochs for ever, whatever keep_last says'),
    keep_best: z
      .enum(HELD_OUT_METRICS)
      .optional()
      .describe(
        'keep the checkpoint that is best by this figure on held-out rows; checkpoints/best.json says which it is',
      ),
    eval_every: z
      .int()
      .min(0)
      .optional()
      .describe('epochs from one evaluation on held-out rows to the next; default: sample_every; 0: none'),
    eval_rows: z
      .union([z.literal('all'), z.int().min(1)])
      .default(100)
      .describe(
        'rows that an evaluation paints at most, spread evenly over the val split, or test without one; or all',
      ),
    sample_every: z
      .int()
      .min(0)
      .default(5)
      .describe('epochs from one sample sheet to the next; the last epoch has one; 0: none'),
    sample_rows: z.int().min(1).max(64).default(4).describe('test rows on a sample sheet, the same every time'),
    log_every: z
      .int()
      .min(0)
      .default(50)
      .describe('steps from one step line of metrics.jsonl to the next; 0: epochs only'),
    tensorboard: z
      .boolean()
      .default(true)
      .describe('write metrics, sheets and options as an event file too: tensorboard --logdir OUT/train'),
    resume: z
      .enum(['auto', 'never', 'required'])
      .default('auto')
      .describe('auto goes on from the newest intact checkpoint, never starts over, required refuses to start over'),
  })
  .superRefine((options, context) => {
    const problem = (path: string[], expected: string) => context.addIssue({ code: 'custom', path, message: expected })
    const { decay_from, epochs, augment, keep_best } = options
    if (keep_best && evalEvery(options) === 0) problem(['eval_every'], `1 or more, for keep_best: ${keep_best}`)
    if (decay_from !== undefined && decay_from >= epochs) problem(['decay_from'], `less than epochs (${epochs})`)
    if (augment.load_size !== undefined && typeof augment.crop === 'number' && augment.crop > augment.load_size)
      problem(['augment', 'crop'], `at most load_size (${augment.load_size})`)
  })

export type TrainOptions = z.output<typeof trainOptions>

/** Epochs from one evaluation to the next; 0: none. */
export const evalEvery = ({ eval_every, sample_every }: Pick<TrainOptions, 'eval_every' | 'sample_every'>): number =>
  eval_every ?? sample_every
export type TrainOptionsInput = z.input<typeof trainOptions>
export type AugmentOptions = z.output<typeof augmentOptions>
