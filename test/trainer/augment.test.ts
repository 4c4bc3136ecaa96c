import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { centreWindow, cropLabel, cropPhoto, drawWindow, type Framing, planFraming } from '../../src/trainer/augment.js'
import { randomAt } from '../../src/trainer/random.js'

const bytes = (length: number, seed: number): Uint8Array => {
  const random = randomAt(seed, 'sheet')
  return Uint8Array.from({ length }, () => random.next() & 255)
}

const framings = fc
  .record({
    height: fc.integer({ min: 8, max: 20 }),
    width: fc.integer({ min: 8, max: 20 }),
    load_size: fc.option(fc.integer({ min: 8, max: 40 }), { nil: undefined }),
  })
  .map(({ height, width, load_size }) =>
    planFraming({ height, width }, { flip: true, crop: 8, ...(load_size === undefined ? {} : { load_size }) }),
  )

/** What a photo crop is, computed the slow way: every stored pixel weighs in by its distance to the sample point. */
function cropPhotoSlowly(photo: Uint8Array, { stored, load, crop }: Framing, x: number, y: number, channel: number) {
  const weights = (size: number, loaded: number, at: number): number[] => {
    const scale = size / loaded
    const support = Math.max(1, scale)
    const raw = Array.from({ length: size }, (_, i) =>
      Math.max(0, 1 - Math.abs(i + 0.5 - (at + 0.5) * scale) / support),
    )
    const sum = raw.reduce((a, b) => a + b)
    return raw.map(w => w / sum)
  }
  const out: number[] = []
  for (let j = 0; j < crop.height; j++)
    for (let i = 0; i < crop.width; i++) {
      const rows = weights(stored.height, load.height, y + j)
      const columns = weights(stored.width, load.width, x + i)
      let sum = 0
      rows.forEach((row, r) => {
        columns.forEach((column, c) => {
          sum += row * column * photo[(r * stored.width + c) * 3 + channel]!
        })
      })
      out.push(sum / 127.5 - 1)
    }
  return out
}

describe('cropPhoto', () => {
  test('agrees with the definition for any size, window and flip', () => {
    fc.assert(
      fc.property(framings, fc.nat(), (framing, seed) => {
        const { stored, crop } = framing
        const photo = bytes(stored.height * stored.width * 3, seed)
        const window = drawWindow(framing, true, randomAt(seed, 'augment'))
        const out = new Float32Array(3 * crop.height * crop.width)
        cropPhoto(photo, framing, window, out)
        for (const channel of [0, 1, 2]) {
          const plane = out.subarray(channel * crop.height * crop.width, (channel + 1) * crop.height * crop.width)
          const want = cropPhotoSlowly(photo, framing, window.x, window.y, channel)
          plane.forEach((value, i) => {
            const line = i - (i % crop.width)
            const column = i % crop.width
            const unflipped = line + (window.flip ? crop.width - 1 - column : column)
            expect(value).toBeCloseTo(want[unflipped]!, 4)
          })
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('cropLabel', () => {
  test('takes the nearest stored id, never a blend', () => {
    fc.assert(
      fc.property(framings, fc.nat(), (framing, seed) => {
        const { stored, load, crop } = framing
        const ids = bytes(stored.height * stored.width, seed)
        const window = drawWindow(framing, true, randomAt(seed, 'augment'))
        const out = cropLabel(ids, framing, window)
        for (let j = 0; j < crop.height; j++)
          for (let i = 0; i < crop.width; i++) {
            const x = window.x + (window.flip ? crop.width - 1 - i : i)
            const row = Math.floor(((window.y + j + 0.5) * stored.height) / load.height)
            const column = Math.floor(((x + 0.5) * stored.width) / load.width)
            expect(out[j * crop.width + i]).toBe(ids[row * stored.width + column])
          }
      }),
    )
  })

  test('photo and label of a pair stay together', () => {
    // a photo whose grey is its label: after any window the two still agree, where nothing is resized
    const framing = planFraming({ height: 12, width: 16 }, { flip: true, crop: { width: 10, height: 8 } })
    const ids = bytes(12 * 16, 1)
    const photo = Uint8Array.from({ length: ids.length * 3 }, (_, i) => ids[Math.floor(i / 3)]!)
    for (let place = 0; place < 50; place++) {
      const window = drawWindow(framing, true, randomAt(5, 'augment', place))
      const out = new Float32Array(3 * 80)
      cropPhoto(photo, framing, window, out)
      const label = cropLabel(ids, framing, window)
      expect([...out.subarray(80, 160)].map(value => Math.round((value + 1) * 127.5))).toEqual([...label])
    }
  })
})

describe('windows', () => {
  const framing = planFraming({ height: 10, width: 12 }, { flip: true, load_size: 20, crop: 16 })

  test('every place and both directions come up, none outside', () => {
    const seen = new Set<string>()
    for (let place = 0; place < 2000; place++) {
      const { x, y, flip } = drawWindow(framing, true, randomAt(1, 'augment', place))
      seen.add(`${x} ${y} ${flip}`)
    }
    expect(framing.load).toEqual({ height: 20, width: 24 })
    expect(seen.size).toBe(5 * 9 * 2)
    expect(centreWindow(framing)).toEqual({ x: 4, y: 2, flip: false })
  })

  test('without flip the windows are the same but never mirrored', () => {
    for (let place = 0; place < 20; place++) {
      const mirrored = drawWindow(framing, true, randomAt(1, 'augment', place))
      expect(drawWindow(framing, false, randomAt(1, 'augment', place))).toEqual({ ...mirrored, flip: false })
    }
  })

  test('a crop that does not fit is refused', () => {
    expect(() => planFraming({ height: 10, width: 12 }, { flip: true, crop: 11 })).toThrowError(
      expect.objectContaining({ code: 'OPTION_OUT_OF_RANGE' }),
    )
  })
})

const script = `
import sys
from PIL import Image
import numpy as np
a = np.frombuffer(bytes.fromhex(sys.argv[1]), np.uint8).reshape(24, 30, 3)
out = Image.fromarray(a).resize((int(sys.argv[2]), int(sys.argv[3])), Image.BILINEAR)
sys.stdout.write(np.asarray(out).tobytes().hex())
`
const python = [process.env.PREP_PYTHON, 'python3', '/usr/bin/python3']
  .filter(name => name !== undefined)
  .find(name => spawnSync(name, ['-c', 'import PIL, numpy']).status === 0)

test.skipIf(!python).each([20, 40])(
  `resizing to %i agrees with Pillow${python ? '' : ' (skipped: no Python with Pillow and numpy)'}`,
  load_size => {
    const photo = bytes(24 * 30 * 3, 3)
    const load = { height: load_size, width: Math.round((30 * load_size) / 24) }
    const framing = planFraming({ height: 24, width: 30 }, { flip: false, load_size, crop: load })
    const out = new Float32Array(3 * load.height * load.width)
    cropPhoto(photo, framing, { x: 0, y: 0, flip: false }, out)
    const { stdout } = spawnSync(
      python!,
      ['-c', script, Buffer.from(photo).toString('hex'), `${load.width}`, `${load.height}`],
      { encoding: 'utf8' },
    )
    const theirs = Buffer.from(stdout, 'hex')
    const plane = load.height * load.width
    expect(theirs.length).toBe(3 * plane)
    // Pillow rounds to bytes after each of its two passes
    theirs.forEach((value, i) => {
      expect(Math.abs((out[(i % 3) * plane + Math.floor(i / 3)]! + 1) * 127.5 - value)).toBeLessThan(1.6)
    })
  },
)
