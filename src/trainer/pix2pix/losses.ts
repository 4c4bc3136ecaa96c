/** What the two players are after. D's loss is halved, which slows it against G; logits become probabilities here. */
import type { Value } from '../graph/graph.js'
import { add, bce, hinge, l1, mean, mse, shareAbove, times } from '../graph/ops.js'
import type { Pix2PixConfig } from './model.js'

/**
 * D's loss of its outputs on photos or on paintings: cross entropy, squares (Mao et al., LSGAN, 2017) or a hinge. For
 * photos the first two aim at `1 - labelSmoothing`, one-sided so that what is wrong of both is not kept up
 * (Salimans et al., Improved Techniques for Training GANs, 2016).
 */
function judgement({ gan, labelSmoothing }: Pix2PixConfig, patches: Value, of: 'photo' | 'painting'): Value {
  if (gan === 'hinge') return hinge(patches, of === 'photo' ? 1 : -1)
  const target = of === 'photo' ? 1 - labelSmoothing : 0
  return gan === 'bce' ? bce(patches, target) : mse(patches, target)
}

/** G's loss: how far D is from taking its painting for a photo. With hinge there is no margin: G always gains. */
function persuasion({ gan }: Pix2PixConfig, patches: Value): Value {
  if (gan === 'hinge') return times(mean(patches), -1)
  return gan === 'bce' ? bce(patches, 1) : mse(patches, 1)
}

/** The output at which D is undecided: a logit or margin of 0, or the middle of the targets of least squares. */
const undecided = ({ gan, labelSmoothing }: Pix2PixConfig): number => (gan === 'mse' ? (1 - labelSmoothing) / 2 : 0)

export interface DiscriminatorLosses {
  readonly loss_D: Value
  readonly loss_D_real: Value
  readonly loss_D_fake: Value
  /** Shares of patches that D judges rightly. */
  readonly acc_real: Value
  readonly acc_fake: Value
}

/** (L(D(x, y), 1) + L(D(x, G(x)), 0)) / 2 */
export function discriminatorLosses(config: Pix2PixConfig, onReal: Value, onFake: Value): DiscriminatorLosses {
  const loss_D_real = judgement(config, onReal, 'photo')
  const loss_D_fake = judgement(config, onFake, 'painting')
  const middle = undecided(config)
  return {
    loss_D: times(add(loss_D_real, loss_D_fake), 0.5),
    loss_D_real,
    loss_D_fake,
    acc_real: shareAbove(onReal, middle),
    acc_fake: shareAbove(times(onFake, -1), -middle),
  }
}

export interface GeneratorLosses {
  readonly loss_G: Value
  readonly loss_G_GAN: Value
  readonly loss_G_L1: Value
}

/** L(D(x, G(x)), 1) + lambda |y - G(x)| */
export function generatorLosses(config: Pix2PixConfig, onFake: Value, fake: Value, photo: Value): GeneratorLosses {
  const loss_G_GAN = persuasion(config, onFake)
  const loss_G_L1 = times(l1(fake, photo), config.lambdaL1)
  return { loss_G: add(loss_G_GAN, loss_G_L1), loss_G_GAN, loss_G_L1 }
}
