import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type SummaryEvent,
  type SummaryValue,
  summaryRecord,
  versionRecord,
} from '../../src/formats/tensorboard/write.js'
import { encodePng } from '../../src/images/png.js'
import { temporaryFolder } from '../helpers.js'
import { findPython, runPython } from '../python.js'
import { readEvents } from './events.js'

const folder = temporaryFolder()
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('published bytes', () => {
  // A whole file as that project's tests have it, byte for byte.
  test('a version and two scalars are those of tensorboard_logger’s test_serialization', () => {
    expect(hex(versionRecord(256.5))).toBe(
      '1800000000000000a37f4b22' + '090000000000087040' + '1a0d627261696e2e4576656e743a32' + 'bc98212b',
    )
    expect(hex(summaryRecord({ wallTime: 256.5, step: 1, values: [{ tag: 'v/1', scalar: 1.5 }] }))).toBe(
      '19000000000000008bf10828' + '090000000000087040' + '1001' + '2a0c0a0a0a03762f31150000c03f' + '2cecc087',
    )
    expect(hex(summaryRecord({ wallTime: 256.5, step: 2, values: [{ tag: 'v/22', scalar: 16 }] }))).toBe(
      '1a00000000000000129bd82d' + '090000000000087040' + '1002' + '2a0d0a0b0a04762f32321500008041' + '8fa3b688',
    )
  })

  test('the version record of TensorBoard’s event_file_loader_test differs in time and checksum only', () => {
    const time = Buffer.from('000000' + '27e6b3d541', 'hex').readDoubleLE()
    expect(hex(versionRecord(time))).toBe(
      '1800000000000000a37f4b22' + '0900000027e6b3d541' + '1a0d627261696e2e4576656e743a32' + '6a4d0b15',
    )
  })
})

const value: fc.Arbitrary<SummaryValue> = fc.oneof(
  fc.record({ tag: fc.string(), scalar: fc.float({ noNaN: true }) }),
  fc.record({ tag: fc.string(), text: fc.string({ unit: 'binary' }) }),
  fc.record({
    tag: fc.string(),
    image: fc.record({ png: fc.uint8Array(), width: fc.nat(9000), height: fc.nat(9000) }),
  }),
)
const event: fc.Arbitrary<SummaryEvent> = fc.record({
  wallTime: fc.double({ noNaN: true }),
  step: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  values: fc.array(value, { maxLength: 4 }),
})

test('whatever is written comes back', () => {
  const path = join(folder, 'events.out.tfevents.property')
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), events => {
      writeFileSync(path, Buffer.concat([versionRecord(0), ...events.map(summaryRecord)]))
      const [version, ...found] = readEvents(path)
      expect(version).toEqual({ wallTime: 0, step: 0, fileVersion: 'brain.Event:2', values: [] })
      expect(found).toEqual(
        events.map(({ values, ...place }) => ({
          ...place,
          values: values.map(one => {
            if ('scalar' in one) return one
            if ('text' in one) return { tag: one.tag, plugin: 'text', dataClass: 2, strings: [Buffer.from(one.text)] }
            const { width, height, png } = one.image
            const strings = [`${width}`, `${height}`, png].map(part => Buffer.from(part))
            return { tag: one.tag, plugin: 'images', dataClass: 3, strings }
          }),
        })),
      )
    }),
    { numRuns: 60 },
  )
})

const python = findPython('tensorboard')
test.skipIf(!python)(
  `Python's tensorboard reads scalars, images and text${python ? '' : ' (skipped: no Python has tensorboard)'}`,
  async () => {
    const pixels = { data: new Uint8Array(6 * 4 * 3).fill(90), width: 6, height: 4, channels: 3 as const }
    const image = { png: await encodePng(pixels), width: 6, height: 4 }
    const records = [
      versionRecord(0),
      summaryRecord({
        wallTime: 0,
        step: 0,
        values: [{ tag: 'options', text: '| a | b |\n| --- | --- |\n| 1 | 2 |' }],
      }),
      summaryRecord({ wallTime: 3, step: 3, values: [{ tag: 'epoch/loss_D', scalar: 0.25 }] }),
      summaryRecord({ wallTime: 3, step: 3, values: [{ tag: 'samples', image }] }),
    ]
    const run = temporaryFolder()
    writeFileSync(join(run, 'events.out.tfevents.test'), Buffer.concat(records))
    const found = runPython(python!, READ_RUN, run)
    expect(found).toEqual({
      plugins: { 'epoch/loss_D': 'scalars', options: 'text', samples: 'images' },
      scalar: [3, 0.25],
      text: '| a | b |\n| --- | --- |\n| 1 | 2 |',
      image: ['6', '4', hex(image.png)],
    })
  },
)

const READ_RUN = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
run = EventAccumulator(sys.argv[1])
run.Reload()
strings = lambda tag: [part for part in tensor_util.make_ndarray(run.Tensors(tag)[0].tensor_proto)]
scalar = run.Scalars('epoch/loss_D')[0] if 'epoch/loss_D' in run.Tags()['scalars'] else None
if scalar is None:
    tensor = run.Tensors('epoch/loss_D')[0]
    scalar = (tensor.step, float(tensor_util.make_ndarray(tensor.tensor_proto)))
else:
    scalar = (scalar.step, scalar.value)
width, height, png = strings('samples')
print(json.dumps({
    'plugins': {tag: run.SummaryMetadata(tag).plugin_data.plugin_name for tag in ('epoch/loss_D', 'options', 'samples')},
    'scalar': scalar,
    'text': strings('options')[0].decode(),
    'image': [width.decode(), height.decode(), png.hex()],
}))
`
