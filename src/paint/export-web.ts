/** The page with its model as a folder of files that any web server can host, without prep. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, PrepError } from '../errors.js'
import { makeFolder, writeFileAtomic } from '../files.js'
import { SPLITS, type Split } from '../sample.js'
import { browserModel } from './browser-model.js'
import type { Manifest } from './manifest.js'
import { readPage } from './page-files.js'
import type { Studio } from './studio.js'

/** Label maps of the data set that go along; their photos never do. */
const MAPS = 12

export interface ExportedFile {
  readonly path: string
  readonly bytes: number
}

/** What an earlier export may hold that this one does not write: index.html first, then maps of another data set. */
const OF_BEFORE = ['index.html', 'maps', 'assets', 'ort']

/**
 * Write the folder, after taking away what an earlier export left there; index.html comes last, so that a folder that
 * has one is whole.
 *
 * @throws {PrepError} `OUTPUT_FOREIGN` for a folder with files that are not of an earlier export, `DISK_FULL`, as
 *   `browserModel` does
 */
export async function exportWeb(studio: Studio, folder: string): Promise<ExportedFile[]> {
  const found = await readdir(folder).catch(() => [] as string[])
  if (found.length > 0 && !found.includes('paint.json'))
    throw new PrepError('OUTPUT_FOREIGN', `${folder} has files that prep export web did not write`, {
      hint: 'name a new or an empty folder',
    })
  const { model, runtime } = await browserModel(studio.checkpoint)
  const maps = studio.manifest.maps.slice(0, MAPS)
  const manifest: Manifest = {
    ...studio.manifest,
    maps,
    model: { kind: 'browser', url: 'model.onnx', bytes: model.length },
    photos: 'This page has no server, so photos cannot be labelled here: prep paint does it.',
  }
  const files: [path: string, data: Uint8Array | string][] = [
    ['paint.json', `${JSON.stringify(manifest)}\n`],
    ['blocks.json', `${JSON.stringify(await studio.blocks())}\n`],
    ['model.onnx', model],
    ...[...runtime].map(([name, data]): [string, Uint8Array] => [`ort/${name}`, data]),
  ]
  for (const { url } of maps) {
    const [split, row] = url.replace(/^maps\/|\.ids$/g, '').split('-') as [Split, string]
    files.push([url, await studio.readMap(SPLITS.find(one => one === split)!, Number(row))])
  }
  const page = [...(await readPage())].map(([path, { bytes }]): [string, Uint8Array] => [path, bytes])
  files.push(...page.sort(([a], [b]) => Number(a === 'index.html') - Number(b === 'index.html')))
  for (const old of OF_BEFORE)
    await rm(join(folder, old), { recursive: true, force: true }).catch(error => {
      throw fileError(error, join(folder, old), 'replace')
    })
  makeFolder(folder)
  for (const [path, data] of files) await writeFileAtomic(join(folder, path), data)
  return files.map(([path, data]) => ({ path, bytes: data.length }))
}
