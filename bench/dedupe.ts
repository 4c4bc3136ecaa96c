/**
 * Near-duplicates: time and memory of the search in many hashes, against comparing all with all; and how many changed
 * photos each threshold misses and how many pairs of different photos it takes for near-duplicates (docs/splits.md).
 */
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { type Hashes, nearPairs } from '../src/duplicates/near-pairs.js'
import { signatureOf } from '../src/duplicates/signature.js'
import { bitCount, DEFAULT_THRESHOLD, SignatureSet } from '../src/duplicates/signature-set.js'
import { decodeImage, MAX_PIXELS } from '../src/images/decode.js'
import { type BenchRow, row } from './row.js'

const repo = resolve(import.meta.dirname, '..')
const shared = join(process.env.PREP_SHARED ?? join(repo, '../shared'), 'data')
const PEER_COUNT = 20_000
const COUNTS = [100_000, 1_000_000]
const THRESHOLDS = [4, 6, 8, 10, 12, 14, 16]

export async function benchDedupe(): Promise<BenchRow[]> {
  return [signing(), ...searches(), ...(await calibration())]
}

/** One photo of 512x512 pixels, decoded. */
function signing(): BenchRow {
  const pixels = { data: randomBytes(3 * 512 * 512, 1), width: 512, height: 512, channels: 3 } as const
  for (let i = 0; i < 20; i++) signatureOf(pixels)
  const ms = timeMs(() => Array.from({ length: 100 }, () => signatureOf(pixels))) / 100
  return row('sign 512x512', ms, Number.NaN, 'ms')
}

function searches(): BenchRow[] {
  const few = makeHashes(PEER_COUNT)
  const ours = timeMs(() => count(few, DEFAULT_THRESHOLD))
  const peer = timeMs(() => countAllWithAll(few, DEFAULT_THRESHOLD))
  const rows = [row(`all near pairs of ${PEER_COUNT} hashes vs all with all`, ours, peer, 'ms')]
  for (const number of COUNTS)
    for (const threshold of [8, DEFAULT_THRESHOLD]) {
      const hashes = makeHashes(number)
      const before = process.memoryUsage().rss
      let [pairs, most] = [0, 0]
      const ms = timeMs(() => {
        for (const _ of nearPairs(hashes, threshold, () => pairs++)) most = Math.max(most, process.memoryUsage.rss())
      })
      const memory = `${pairs} pairs, ${Math.max(0, (most - before) / 1e6).toFixed(0)} MB besides the hashes`
      // All with all takes the square of the time.
      const scaled = (peer * (number / PEER_COUNT) ** 2) / 1000
      rows.push(row(`${number} hashes, threshold ${threshold}; peer scaled up`, ms / 1000, scaled, 's', memory))
    }
  return rows
}

const count = (hashes: Hashes, threshold: number): number => {
  let pairs = 0
  for (const _ of nearPairs(hashes, threshold, () => pairs++));
  return pairs
}

function countAllWithAll({ low, high, length }: Hashes, threshold: number): number {
  let pairs = 0
  for (let a = 0; a < length; a++)
    for (let b = a + 1; b < length; b++)
      if (bitCount(low[a]! ^ low[b]!) + bitCount(high[a]! ^ high[b]!) <= threshold) pairs += 1
  return pairs
}

/** Random hashes, of which one in a hundred is another one with a few bits turned. */
function makeHashes(length: number): Hashes {
  const low = new Uint32Array(randomBytes(4 * length, 2).buffer)
  const high = new Uint32Array(randomBytes(4 * length, 3).buffer)
  for (let i = 0; i + 1 < length; i += 100) {
    low[i + 1] = low[i]! ^ (0b101 << (i % 29))
    high[i + 1] = high[i]! ^ (0b10011 << (i % 27))
  }
  return { length, low, high }
}

function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    let word = Math.imul(i + length, 0x9e3779b1) ^ seed
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    bytes[i] = word ^ (word >>> 16)
  }
  return bytes
}

const CHANGES: Readonly<Record<string, (image: Sharp, width: number, height: number) => Sharp>> = {
  'JPEG q50': image => image.jpeg({ quality: 50 }),
  'half size': (image, width, height) => image.resize(width >> 1, height >> 1, { fit: 'fill' }),
  '-10% light': image => image.linear(0.9, 0),
  '+10% light': image => image.linear(1.1, 0),
  'crop 2%': (image, width, height) => image.extract(cut(width, height, 0.02, 0.5)),
  'crop 4%': (image, width, height) => image.extract(cut(width, height, 0.04, 0.5)),
  'crop 4% at one corner': (image, width, height) => image.extract(cut(width, height, 0.04, 0)),
}

function cut(width: number, height: number, share: number, at: number) {
  const [w, h] = [Math.round(width * (1 - share)), Math.round(height * (1 - share))]
  return { left: Math.round((width - w) * at), top: Math.round((height - h) * at), width: w, height: h }
}

async function calibration(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const [name, photos] of Object.entries(await photoSets())) {
    const own = await Promise.all(photos.map(sign))
    const changed: Record<string, Uint8Array[]> = {}
    for (const [change, apply] of Object.entries(CHANGES))
      changed[change] = await Promise.all(
        photos.map(async photo => {
          const { width, height } = await sharp(photo).metadata()
          return sign(await apply(sharp(photo), width, height).toBuffer())
        }),
      )
    const set = setOf(own)
    for (const threshold of THRESHOLDS) {
      const missed = Object.entries(changed).map(([change, signatures]) => {
        const lost = signatures.filter((signature, i) => !setOf([own[i]!, signature]).alike(0, 1, threshold)).length
        return `${change} ${lost}`
      })
      let [near, alike] = [0, 0]
      for (let a = 0; a < set.length; a++)
        for (let b = 0; b < a; b++) {
          if (set.distance(a, b) <= threshold) near += 1
          if (set.alike(a, b, threshold)) alike += 1
        }
      const note = `${near} by hash alone; missed of ${photos.length}: ${missed.join(', ')}`
      rows.push(row(`${name}, threshold ${threshold}: different photos alike`, alike, Number.NaN, 'pairs', note))
    }
  }
  return rows
}

async function photoSets(): Promise<Record<string, Buffer[]>> {
  const sets: Record<string, Buffer[]> = { fixtures: await load(join(repo, 'fixtures/photos'), image => image) }
  if (existsSync(shared)) {
    sets.camvid = await load(join(shared, 'camvid/photos'), image => image)
    const half = (left: number) => (image: Sharp) => image.extract({ left, top: 0, width: 600, height: 600 })
    sets['aerial photos'] = await load(join(shared, 'maps'), half(0))
    sets.maps = await load(join(shared, 'maps'), half(600))
  }
  return sets
}

const load = (folder: string, apply: (image: Sharp) => Sharp): Promise<Buffer[]> =>
  Promise.all(
    readdirSync(folder)
      .filter(file => /\.(jpg|png)$/.test(file))
      .sort()
      .map(file =>
        apply(sharp(join(folder, file)).removeAlpha())
          .png({ compressionLevel: 1 })
          .toBuffer(),
      ),
  )

async function sign(image: Uint8Array): Promise<Uint8Array> {
  const { pixels } = await decodeImage(image, {
    ...{ size: { width: 64, height: 64 }, fit: 'fill', position: 'centre', background: [0, 0, 0] },
    maxPixels: MAX_PIXELS,
  })
  return signatureOf(pixels)
}

function setOf(signatures: readonly Uint8Array[]): SignatureSet {
  const set = new SignatureSet(signatures.length)
  for (const [i, signature] of signatures.entries()) set.set(i, signature)
  return set
}

function timeMs(run: () => unknown): number {
  const start = performance.now()
  run()
  return performance.now() - start
}
