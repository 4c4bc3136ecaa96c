/** Reference files of the training step: where they are, and what is in one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Tensor, Tensors } from '../../src/trainer/engines/engine.js'
import { type Pix2PixConfig, pix2pixConfig } from '../../src/trainer/pix2pix/model.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const shared = process.env.PREP_SHARED ?? resolve(root, '../shared')

export interface Golden {
  readonly config: Pix2PixConfig
  readonly initial: Tensors
  readonly batch: Tensors
  readonly final: Tensors
  /** All tensors by their full names. */
  readonly tensors: Tensors
}

const listed = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter(file => file.endsWith('.safetensors'))
        .map(file => resolve(folder, file))
    : []

/** Where the larger goldens are looked for; our own small ones are always there. */
export const goldensFolder = process.env.PREP_GOLDENS ?? resolve(shared, 'goldens')
export const largeGoldens = listed(goldensFolder)
export const ownGoldens = listed(fileURLToPath(new URL('../goldens', import.meta.url)))
export const title = (path: string): string => basename(path, '.safetensors')

export function readGolden(path: string): Golden {
  const bytes = readFileSync(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const { __metadata__: meta, ...entries } = JSON.parse(bytes.subarray(8, start).toString()) as {
    __metadata__: Record<string, string>
  } & Record<string, { shape: number[]; data_offsets: [number, number] }>
  const tensors: Record<string, Tensor> = {}
  for (const [name, { shape, data_offsets }] of Object.entries(entries)) {
    const [from, to] = data_offsets.map(at => bytes.byteOffset + start + at) as [number, number]
    tensors[name] = { shape, data: new Float32Array(bytes.buffer.slice(from, to)) }
  }
  const under = (prefix: string): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
      ),
    )
  return { config: configOf(meta), initial: under('init.'), batch: under('batch.'), final: under('final.'), tensors }
}

/** The large files say size, and width for both nets' channels; ours say width and height of the image, ngf and ndf. */
function configOf(meta: Record<string, string>): Pix2PixConfig {
  const number = (name: string): number => Number(meta[name])
  const sized = meta.size !== undefined
  return pix2pixConfig({
    width: sized ? number('size') : number('width'),
    height: sized ? number('size') : number('height'),
    ngf: number(sized ? 'width' : 'ngf'),
    ndf: number(sized ? 'width' : 'ndf'),
    layers: number(sized ? 'd_layers' : 'layers'),
    batch: number('batch'),
    downs: number('downs'),
    labelChannels: number('label_channels'),
    lambdaL1: number('lambda_l1'),
    gan: meta.gan as 'bce' | 'mse',
    norm: (meta.norm ?? 'batch') as 'batch' | 'instance',
    dropout: false,
  })
}
