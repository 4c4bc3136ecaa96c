/** What the two players are after. D's loss is halved, which slows it against G; logits become probabilities here. */
import type { Value } from '../graph/graph.js'
import { add, bce, l1, mse, shareAbove, times } from '../graph/ops.js'
import type { Pix2PixConfig } from './model.js'

/** Mean GAN loss of D's outputs when they should say real (1) or fake (0): cross entropy, or squares (LSGAN). */
const gan = ({ gan }: Pix2PixConfig, patches: Value, target: 0 | 1): Value =>
  gan === 'bce' ? bce(patches, target) : mse(patches, target)

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
  const loss_D_real = gan(config, onReal, 1)
  const loss_D_fake = gan(config, onFake, 0)
  // a logit says "real" above 0, a least-squares output above the middle of its targets 0 and 1
  const middle = config.gan === 'bce' ? 0 : 0.5
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
  const loss_G_GAN = gan(config, onFake, 1)
  const loss_G_L1 = times(l1(fake, photo), config.lambdaL1)
  return { loss_G: add(loss_G_GAN, loss_G_L1), loss_G_GAN, loss_G_L1 }
}
