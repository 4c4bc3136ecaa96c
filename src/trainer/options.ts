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
    accumulate: z
      .int()
      .min(1)
      .max(1024)
      .default(1)
      .describe(
        'batches a step, whose gradients are averaged: a larger batch in the memory of a smaller one (norm: batch still sees each batch by itself)',
      ),
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
    gan: z
      .enum(['bce', 'mse', 'hinge'])
      .default('bce')
      .describe(
        'GAN loss: bce (cross entropy, the paper), mse (least squares: smoother, does not saturate) or hinge (D stops at a margin; goes with spectral_norm)',
      ),
    label_smoothing: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe(
        'what the target of D for photos is short of 1; 0.1 keeps D from being too sure of itself; for bce and mse only',
      ),
    lambda_l1: z.number().min(0).default(100).describe('weight of the L1 distance to the photo in the loss of G'),
    d_steps: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('updates of D for each batch; more when D falls behind (acc near 50% from early on)'),
    g_steps: z
      .int()
      .min(1)
      .max(16)
      .default(1)
      .describe('updates of G for each batch, after those of D; more when D wins (acc near 100%)'),
    pool: z
      .int()
      .min(0)
      .max(10_000)
      .default(0)
      .describe(
        'history pool: of so many earlier paintings D is shown one in the place of every other new one, which keeps it from forgetting; CycleGAN takes 50, pix2pix 0',
      ),
    learning_rate: rate.default(2e-4).describe('Adam step size of G'),
    d_learning_rate: rate.optional().describe('Adam step size of D; default: learning_rate'),
    beta1: beta.default(0.5).describe('Adam decay of the first moment'),
    beta2: beta.default(0.999).describe('Adam decay of the second moment'),
    ema: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe(
        'sample sheets and generating use a running average of the weights of G that keeps this share of itself at each update: 0.999 averages about 1000 steps and calms the picture; 0: the weights themselves',
      ),
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
    upsample: z
      .enum(['transpose', 'resize'])
      .default('transpose')
      .describe(
        'how G doubles an image: transpose (4x4 transposed convolution, the paper) or resize (doubled pixels, then a 3x3 convolution: no checkerboard pattern, fewer weights)',
      ),
    spectral_norm: z
      .boolean()
      .default(false)
      .describe(
        'divide the filters of D by their largest singular value, which bounds how fast its judgement can change and steadies training, above all with gan: hinge',
      ),
    dropout: z
      .boolean()
      .default(true)
      .describe('dropout of one half in the inner layers of G, the only noise of pix2pix'),
    dropout_at_inference: z
      .boolean()
      .default(true)
      .describe(
        'dropout in painting too, in sample sheets and from the checkpoint, as in the paper: paintings vary with the seed; false: the same label gives the same painting',
      ),
    label_input: z
      .enum(['onehot', 'colours'])
      .default('onehot')
      .describe('how G sees labels: a channel a class, or the three channels of the palette colours'),
    init_from: z
      .string()
      .min(1)
      .optional()
      .describe(
        'file whose weights training begins with, instead of drawn ones: a checkpoint, or the safetensors of a pytorch-CycleGAN-and-pix2pix generator (docs/pytorch.md); its nets must be those of these options',
      ),
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
    const { decay_from, epochs, augment, gan, label_smoothing, keep_best } = options
    if (keep_best && evalEvery(options) === 0) problem(['eval_every'], `1 or more, for keep_best: ${keep_best}`)
    if (decay_from !== undefined && decay_from >= epochs) problem(['decay_from'], `less than epochs (${epochs})`)
    if (gan === 'hinge' && label_smoothing > 0) problem(['label_smoothing'], '0 with gan: hinge, which has no targets')
    if (augment.load_size !== undefined && typeof augment.crop === 'number' && augment.crop > augment.load_size)
      problem(['augment', 'crop'], `at most load_size (${augment.load_size})`)
  })

export type TrainOptions = z.output<typeof trainOptions>

/** Epochs from one evaluation to the next; 0: none. */
export const evalEvery = ({ eval_every, sample_every }: Pick<TrainOptions, 'eval_every' | 'sample_every'>): number =>
  eval_every ?? sample_every
export type TrainOptionsInput = z.input<typeof trainOptions>
export type AugmentOptions = z.output<typeof augmentOptions>
