import { describe, expect, test } from 'vitest'
import { evaluate } from '../../../src/trainer/engines/reference/engine.js'
import { input } from '../../../src/trainer/graph/ops.js'
import { discriminatorLosses, generatorLosses } from '../../../src/trainer/pix2pix/losses.js'
import { type Pix2PixConfig, pix2pixConfig } from '../../../src/trainer/pix2pix/model.js'

const patches = (name: string) => input(name, [1, 1, 1, 2])
const [real, fake, painting, photo] = [patches('real'), patches('fake'), patches('painting'), patches('photo')]

/** All losses of D saying `onReal` of two patches of a photo and `onFake` of two of a painting. */
function lossesOf(options: Partial<Pix2PixConfig>, onReal: number[], onFake: number[]): Record<string, number> {
  const config = pix2pixConfig({ width: 64, height: 64, labelChannels: 1, lambdaL1: 10, ...options })
  const losses = {
    ...discriminatorLosses(config, real, fake),
    ...generatorLosses(config, fake, painting, photo),
  }
  const numbers: Record<string, number[]> = { real: onReal, fake: onFake, painting: [0.5, 0], photo: [0, 0] }
  const found = evaluate(Object.values(losses), leaf =>
    Float64Array.from(leaf.kind === 'input' ? numbers[leaf.attributes.name]! : []),
  )
  return Object.fromEntries(Object.keys(losses).map((name, i) => [name, found[i]![0]!]))
}

const softplus = (x: number): number => Math.log1p(Math.exp(x))

describe('losses', () => {
  test('hinge: D gains nothing beyond its margins, G always does', () => {
    const losses = lossesOf({ gan: 'hinge' }, [3, 0.25], [-2, 0.5])
    expect(losses).toMatchObject({ loss_D_real: 0.375, loss_D_fake: 0.75, loss_D: 0.5625, acc_real: 1, acc_fake: 0.5 })
    expect(losses).toMatchObject({ loss_G_GAN: 0.75, loss_G_L1: 2.5, loss_G: 3.25 })
  })

  test('smoothing moves the target of D for photos alone', () => {
    const sharp = lossesOf({ gan: 'mse' }, [1, 0.4], [0.45, 0])
    const smooth = lossesOf({ gan: 'mse', labelSmoothing: 0.2 }, [1, 0.4], [0.45, 0])
    expect(sharp.loss_D_real).toBeCloseTo(0.18, 12)
    expect(smooth.loss_D_real).toBeCloseTo((0.2 ** 2 + 0.4 ** 2) / 2, 12)
    expect([smooth.loss_D_fake, smooth.loss_G]).toEqual([sharp.loss_D_fake, sharp.loss_G])
    // half way between 0 and the target: 0.45 is taken for a photo when the target is 0.8
    expect([sharp.acc_fake, smooth.acc_fake]).toEqual([1, 0.5])
    expect([sharp.acc_real, smooth.acc_real]).toEqual([0.5, 0.5])
  })

  test('bce is the cross entropy with the smoothed target', () => {
    const { loss_D_real, loss_G_GAN } = lossesOf({ gan: 'bce', labelSmoothing: 0.1 }, [2, 2], [-1, -1])
    expect(loss_D_real).toBeCloseTo(0.9 * softplus(-2) + 0.1 * softplus(2), 12)
    expect(loss_G_GAN).toBeCloseTo(softplus(1), 12)
  })
})
