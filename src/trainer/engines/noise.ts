/** Made-up batches for engines to be tried and timed on; the same for the same random numbers. */
import { sizeOf } from '../graph/graph.js'
import { dropoutMasks, type Pix2PixConfig } from '../pix2pix/model.js'
import type { Tensor, Tensors } from './engine.js'

/** Uniform in [-1, 1). */
export const noise = (shape: readonly number[], random: () => number): Tensor => ({
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, () => random() * 2 - 1),
})

/** A label, a photo and masks for each image of a step. */
export function noiseBatch(config: Pix2PixConfig, random: () => number): Tensors {
  const { batch, accumulate, height, width, labelChannels } = config
  const images = batch * accumulate
  return {
    label: noise([images, labelChannels, height, width], random),
    photo: noise([images, 3, height, width], random),
    ...dropoutMasks({ ...config, batch: images }, random),
  }
}
