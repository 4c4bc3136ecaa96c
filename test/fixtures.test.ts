import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { drawScene, makePhotos, SCENE_SIZE, SCENES } from '../fixtures/make.js'
import { CLASSES } from '../fixtures/street/classes.js'
import { decodeLabelIds } from '../src/images/label-ids.js'

const folder = new URL('../fixtures/', import.meta.url).pathname
const photos = readdirSync(`${folder}photos`).sort()
const labels = readdirSync(`${folder}labels`).sort()

describe('committed scenes', () => {
  test('every photo has its labels, and all are of one size', async () => {
    expect(photos).toHaveLength(SCENES)
    expect(labels.map(name => name.replace('.png', ''))).toEqual(photos.map(name => name.replace('.jpg', '')))
    const megabytes = photos.reduce((sum, name) => sum + statSync(`${folder}photos/${name}`).size, 0) / 1e6
    expect(megabytes).toBeLessThan(5)
    for (const name of photos) {
      const { width, height, format } = await sharp(`${folder}photos/${name}`).metadata()
      expect({ width, height, format }).toEqual({ ...SCENE_SIZE, format: 'jpeg' })
    }
  })

  test('classes.json says what the maps hold', () => {
    expect(JSON.parse(readFileSync(`${folder}classes.json`, 'utf8'))).toEqual(CLASSES)
    const counts = new Float64Array(CLASSES.length)
    for (const name of labels) {
      const map = decodeLabelIds(readFileSync(`${folder}labels/${name}`))
      expect(map.colours).toEqual(CLASSES.map(one => one.colour))
      for (const id of map.labels.data) counts[id]! += 1
    }
    // Each class is there to be learnt: none below half a percent of all pixels.
    const total = SCENES * SCENE_SIZE.width * SCENE_SIZE.height
    for (const { id, name } of CLASSES) expect(counts[id]! / total, name).toBeGreaterThan(0.005)
  })

  test.each([3, 10])('scene %i is drawn again as it was', async index => {
    const { photo, labels: drawn } = await drawScene(index)
    const stored = decodeLabelIds(readFileSync(`${folder}labels/${labels[index]}`))
    expect(Buffer.compare(drawn.data, stored.labels.data)).toBe(0)
    const jpeg = await sharp(`${folder}photos/${photos[index]}`).raw().toBuffer()
    let sum = 0
    for (let i = 0; i < jpeg.length; i += 1) sum += Math.abs(jpeg[i]! - photo.data[i]!)
    expect(sum / jpeg.length).toBeLessThan(4)
  })
})

test('photos in bulk: the asked size, no two alike', async () => {
  const out = mkdtempSync(join(tmpdir(), 'prep-photos-'))
  try {
    await makePhotos({ count: 4, width: 160, height: 120, out })
    const files = readdirSync(out).sort()
    expect(files[0]).toBe('photo-00001.jpg')
    expect(new Set(files.map(name => readFileSync(join(out, name)).toString('base64'))).size).toBe(4)
    const { width, height } = await sharp(join(out, files[3]!)).metadata()
    expect([width, height]).toEqual([160, 120])
  } finally {
    rmSync(out, { recursive: true })
  }
})
