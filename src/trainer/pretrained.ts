/** Nets that were trained before, here or by pytorch-CycleGAN-and-pix2pix: read from a file, held to what is expected. */
import { PrepError } from '../errors.js'
import { openSafetensors, type SafetensorsFile } from '../formats/safetensors/read.js'
import { CHECKPOINT_FORMAT, readCheckpoint } from './checkpoint.js'
import type { Tensor, Tensors } from './engines/engine.js'
import type { Pix2PixConfig } from './pix2pix/model.js'
import {
  isStatistic,
  misfits,
  type NetName,
  netOf,
  type Shapes,
  type Traits,
  traitsOf,
  traitsOfConfig,
  withPrefix,
} from './pix2pix/state-dict.js'

/** One net, by the names of its state dict. */
export interface Net {
  readonly traits: Traits
  readonly tensors: Tensors
}

export interface Pretrained {
  readonly file: string
  readonly metadata: Readonly<Record<string, string>>
  readonly nets: Readonly<Partial<Record<NetName, Net>>>
}

/** What G of a checkpoint paints with: the running average of its weights where there is one. */
export const paintingWeights = (tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      /^[GD]\./.test(name) ? [[name, tensors[`ema.${name}`] ?? tensor]] : [],
    ),
  )

/**
 * Read the nets of a file: both of a checkpoint of ours, the one of a state dict.
 *
 * Running statistics are left out, and `module.` before all names, as DataParallel puts it there.
 * @throws {PrepError} `WEIGHTS_MISMATCH` naming every tensor that is missing, unknown or of another shape or type;
 *   `CHECKPOINT_DAMAGED`, `SAFETENSORS_INVALID`, `FILE_MISSING`, `FILE_UNREADABLE`
 */
export async function readPretrained(file: string): Promise<Pretrained> {
  const open = await openWeights(file)
  try {
    const { metadata } = open
    if (metadata.format?.startsWith(CHECKPOINT_FORMAT.split('/')[0]!)) {
      const weights = Object.entries(paintingWeights((await readCheckpoint(file)).tensors))
      const part = (net: NetName): Tensors =>
        Object.fromEntries(weights.flatMap(([name, t]) => (name.startsWith(`${net}.`) ? [[name.slice(2), t]] : [])))
      return { file, metadata, nets: { ...netIn(file, part('G')), ...netIn(file, part('D')) } }
    }
    return { file, metadata, nets: netIn(file, await readStateDict(open)) }
  } finally {
    await open.close()
  }
}

async function openWeights(file: string): Promise<SafetensorsFile> {
  return openSafetensors(file).catch((error: unknown) => {
    if (!(error instanceof PrepError) || error.code !== 'SAFETENSORS_INVALID') throw error
    throw new PrepError('SAFETENSORS_INVALID', error.message, {
      hint: /\.pth?$/.test(file) ? 'turn it into safetensors first: docs/pytorch.md has the lines' : error.hint,
      cause: error,
    })
  })
}

async function readStateDict(open: SafetensorsFile): Promise<Tensors> {
  const names = [...open.tensors.keys()].filter(name => !isStatistic(name))
  const prefix = names.length > 0 && names.every(name => name.startsWith('module.')) ? 'module.' : ''
  const others = names.filter(name => open.tensors.get(name)!.dtype !== 'F32')
  if (others.length > 0)
    throw mismatch(
      open.path,
      'holds tensors that are not F32:',
      others.map(name => `${name}: ${open.tensors.get(name)!.dtype}`),
      'convert them with .float() before they are saved',
    )
  const tensors: Record<string, Tensor> = {}
  for (const name of names) {
    const { shape, data } = await open.read(name)
    tensors[name.slice(prefix.length)] = { shape, data: data as Float32Array }
  }
  return tensors
}

const shapesIn = (tensors: Tensors): Shapes =>
  Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]))

/** @returns nothing for no tensors */
function netIn(file: string, tensors: Tensors): Partial<Record<NetName, Net>> {
  const names = Object.keys(tensors)
  if (names.length === 0) return {}
  const shapes = shapesIn(tensors)
  const net = netOf(shapes)
  if (!net)
    throw mismatch(
      file,
      'is neither the U-Net nor the PatchGAN of pix2pix:',
      ['expected model.model.0.weight (G) or model.0.weight and model.2.weight (D)', `found ${names.join(', ')}`],
      'only unet_* generators and basic and n_layers discriminators have a counterpart here',
    )
  const problems = misfits(net, shapes)
  const kind = net === 'G' ? 'U-Net' : 'PatchGAN'
  if (problems.length > 0)
    throw mismatch(file, `is no whole ${kind} of pix2pix:`, problems, 'save the state dict again, whole')
  return { [net]: { traits: traitsOf(net, shapes), tensors } }
}

/**
 * Weights to begin a training with, `G.*` and, where the file has them, `D.*`.
 *
 * @throws {PrepError} as `readPretrained`; `WEIGHTS_MISMATCH` naming every option in which the nets differ from `model`
 */
export async function readInitialWeights(file: string, model: Pix2PixConfig): Promise<Tensors> {
  const { nets } = await readPretrained(file)
  if (!nets.G)
    throw mismatch(file, 'holds a discriminator alone', [], 'name a generator; prep checkpoint import joins the two')
  const weights: Record<string, Tensor> = {}
  const differences: string[] = []
  for (const net of ['G', 'D'] as const) {
    const found = nets[net]
    if (!found) continue
    const wanted = traitsOfConfig(net, model)
    for (const [trait, value] of Object.entries(wanted))
      if (found.traits[trait] !== value)
        differences.push(`${net}: ${trait}: the file has ${found.traits[trait]}, this training ${value}`)
    Object.assign(weights, withPrefix(net, found.tensors))
  }
  if (differences.length > 0)
    throw mismatch(
      file,
      'holds other nets than this training:',
      differences,
      'set the options to what the file has (label_input decides the label channels); prep export pytorch --net G leaves D out',
    )
  return weights
}

const mismatch = (file: string, problem: string, details: readonly string[], hint: string): PrepError =>
  new PrepError('WEIGHTS_MISMATCH', [`${file} ${problem}`, ...details].join('\n  '), { hint })
