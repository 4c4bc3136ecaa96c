import { describe, expect, test } from 'vitest'
import { planFraming } from '../../src/trainer/augment.js'
import { createFeed, type Encoding, encodeBatch, encodeCentre, type PairReader } from '../../src/trainer/batch.js'
import { createSampler } from '../../src/trainer/sampler.js'

const size = { height: 8, width: 8 }
const encoding = (labelInput: Encoding['labelInput']): Encoding => ({
  framing: planFraming(size, { flip: false }),
  labelInput,
  colours: [
    [0, 0, 0],
    [255, 255, 0],
    [51, 102, 204],
  ],
})
const label = Uint8Array.from({ length: 64 }, (_, i) => i % 3)
const photo = Uint8Array.from({ length: 192 }, (_, i) => i)

describe('encodeBatch', () => {
  test('one plane per class, 1 where the id is, and photos in three planes', () => {
    const { label: planes, photo: colours } = encodeCentre({ label, photo }, encoding('onehot'))
    expect(planes.shape).toEqual([1, 3, 8, 8])
    for (const [i, value] of planes.data.entries()) expect(value).toBe(label[i % 64] === Math.floor(i / 64) ? 1 : 0)
    expect(colours.shape).toEqual([1, 3, 8, 8])
    expect(colours.data[0]).toBe(-1)
    expect(colours.data[64 + 2]).toBeCloseTo(7 / 127.5 - 1)
  })

  test('palette colours in [-1, 1]', () => {
    const { label: planes } = encodeCentre({ label, photo }, encoding('colours'))
    expect([planes.data[1], planes.data[64 + 1], planes.data[128 + 1]]).toEqual([1, 1, -1])
    expect(planes.data[2]).toBeCloseTo(51 / 127.5 - 1)
  })

  test('an id that the palette lacks is damage', () => {
    const foreign = label.with(9, 3)
    const window = { x: 0, y: 0, flip: false }
    expect(() => encodeBatch([{ label: foreign, photo }], [window], encoding('onehot'))).toThrowError(
      expect.objectContaining({ code: 'SHARD_DAMAGED' }),
    )
  })
})

describe('createFeed', () => {
  const read: PairReader = async row => ({ label, photo: photo.map(value => (value + row) & 255) })
  const options = {
    encoding: { ...encoding('onehot'), framing: planFraming(size, { flip: true }) },
    sampler: createSampler({ rows: 5, batch: 2, buffer: 3, seed: 1 }),
    flip: true,
    seed: 1,
    last: 9,
  }

  test('gives the same batches from any first step on: reading ahead changes nothing', async () => {
    const whole = createFeed({ ...options, read, first: 1 })
    const all = []
    for (let step = 1; step <= 9; step++) all.push(await whole.next())
    for (const first of [2, 4, 9]) {
      const feed = createFeed({ ...options, read, first })
      for (let step = first; step <= 9; step++) {
        const { label, photo } = await feed.next()
        expect({ label, photo }).toEqual({ label: all[step - 1]!.label, photo: all[step - 1]!.photo })
      }
    }
  })

  test('reads ahead, never past the last step, and fails at the step whose row failed', async () => {
    const asked: number[] = []
    const broken: PairReader = row => {
      asked.push(row)
      return asked.length > 6 ? Promise.reject(new Error('gone')) : read(row)
    }
    const feed = createFeed({ ...options, read: broken, first: 6 })
    await feed.next()
    expect(asked.length).toBe(6)
    await feed.next()
    await feed.next()
    expect(asked.length).toBe(8)
    await expect(feed.next()).rejects.toThrow('gone')
  })
})
