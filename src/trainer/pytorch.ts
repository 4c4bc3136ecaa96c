/** Checkpoints to and from the state dicts of pytorch-CycleGAN-and-pix2pix, as safetensors. */
import { PrepError } from '../errors.js'
import { sha256File } from '../files.js'
import type { Metadata } from '../formats/safetensors/layout.js'
import { writeSafetensors } from '../formats/safetensors/write.js'
import type { Size } from './augment.js'
import { type CheckpointState, readCheckpoint, writeCheckpoint } from './checkpoint.js'
import type { Tensor } from './engines/engine.js'
import { NO_STEPS } from './metrics.js'
import { type TrainOptions, trainOptions } from './options.js'
import { pix2pixConfig } from './pix2pix/model.js'
import { configOfTraits, type NetName, toStateDict, withPrefix } from './pix2pix/state-dict.js'
import { type Net, paintingWeights, readPretrained } from './pretrained.js'
import { RANDOM_SCHEME } from './random.js'

/**
 * Write one net of a checkpoint as a state dict. G is what it paints with: the average of its weights where there is one.
 *
 * Metadata say how the net is built and where it comes from, and carry what `importCheckpoint` needs.
 * @throws {PrepError} as `readCheckpoint`; `DISK_FULL`, `OUTPUT_READ_ONLY`
 */
export async function exportNet(checkpoint: string, net: NetName, out: string): Promise<CheckpointState> {
  const { state, tensors } = await readCheckpoint(checkpoint)
  if (!Object.keys(tensors).some(name => name.startsWith(`${net}.`)))
    throw new PrepError('WEIGHTS_MISMATCH', `${checkpoint} holds no ${net === 'G' ? 'generator' : 'discriminator'}`, {
      hint: 'it was imported without one',
    })
  const averaged = net === 'G' && Object.keys(tensors).some(name => name.startsWith('ema.'))
  const dict = toStateDict(net, state.model, paintingWeights(tensors))
  await writeSafetensors(out, dict, describeNet(net, state, averaged))
  return state
}

/** `format: pt` is what loaders for PyTorch look for. */
function describeNet(
  net: NetName,
  { model, options, palette, paletteHash, ...state }: CheckpointState,
  averaged: boolean,
): Metadata {
  const { width, height, labelChannels, ngf, ndf, downs, layers, norm, dropout, upsample } = model
  const architecture =
    net === 'G'
      ? { input_nc: labelChannels, output_nc: 3, ngf, num_downs: downs, norm, dropout, upsample }
      : { input_nc: labelChannels + 3, ndf, n_layers: layers, norm }
  const { epoch, step, engine, dataset } = state
  return {
    format: 'pt',
    made_by: 'prep',
    net,
    architecture: JSON.stringify(architecture),
    size: `${width}x${height}`,
    label_input: options.label_input,
    palette: JSON.stringify(palette),
    palette_hash: paletteHash,
    trained: JSON.stringify({ epoch, step, engine, weights: averaged ? 'average' : 'last', dataset }),
  }
}

export interface ImportOptions {
  /** Of the images; default: what the file's metadata say. */
  readonly size?: Size | undefined
  /** palette.json and its sha256; default: what the file's metadata say, else none. */
  readonly palette?: { readonly value: { readonly clusters: readonly unknown[] }; readonly hash: string } | undefined
  /** How G sees labels; default: what the metadata say, else `colours` for three channels. */
  readonly labelInput?: TrainOptions['label_input'] | undefined
  /** Does G have dropout? It leaves no trace in the weights. Default: what the metadata say, else yes. */
  readonly dropout?: boolean | undefined
}

/**
 * Make a checkpoint of a generator's state dict and, where it is given, the discriminator's: at step 0, without moments.
 *
 * @param files  in any order
 * @throws {PrepError} as `readPretrained`; `USAGE` when there is not one generator and at most one discriminator, or no
 *   size is known; `WEIGHTS_MISMATCH` when the two do not fit each other, `PALETTE_MISMATCH`, `TRAIN_SIZE`
 */
export async function importCheckpoint(
  files: readonly string[],
  out: string,
  options: ImportOptions = {},
): Promise<CheckpointState> {
  const { G, D, metadata, file } = await readPlayers(files)
  const of = { ...configOfTraits('G', G.traits), ...(D && configOfTraits('D', D.traits)) }
  const size = options.size ?? sizeIn(metadata)
  if (!size)
    throw new PrepError('USAGE', `the size of the images is not known: ${file} does not say it`, {
      hint: 'name it with --size, as in --size 256 or --size 512x256',
    })
  const labelChannels = of.labelChannels!
  const stored = JSON.parse(metadata.architecture ?? '{}') as { dropout?: boolean }
  const dropout = options.dropout ?? stored.dropout ?? true
  const model = pix2pixConfig({ ...of, ...size, labelChannels, dropout })
  const label_input =
    options.labelInput ??
    (metadata.label_input as TrainOptions['label_input'] | undefined) ??
    (labelChannels === 3 ? 'colours' : 'onehot')
  const palette = options.palette ?? paletteIn(metadata)
  checkLabels(labelChannels, label_input, palette?.value.clusters.length)
  const { ngf, ndf, downs, layers, norm, upsample } = model
  const nets = { width: ngf, d_width: ndf, downs, d_layers: layers, norm, upsample, dropout, label_input }
  const state: CheckpointState = {
    epoch: 0,
    step: 0,
    seed: 0,
    random: RANDOM_SCHEME,
    options: trainOptions.parse(nets),
    model,
    engine: 'pytorch',
    palette: palette?.value ?? null,
    paletteHash: palette?.hash ?? '',
    dataset: { fingerprint: '', rows: 0 },
    initial: sha256File(file),
    means: NO_STEPS,
    metricsBytes: 0,
    evaluationDue: false,
  }
  const tensors: Record<string, Tensor> = { ...withPrefix('G', G.tensors), ...(D && withPrefix('D', D.tensors)) }
  await writeCheckpoint(out, state, tensors)
  return state
}

async function readPlayers(
  files: readonly string[],
): Promise<{ G: Net; D: Net | undefined; metadata: Metadata; file: string }> {
  const found: Partial<Record<NetName, { net: Net; file: string; metadata: Metadata }>> = {}
  for (const file of files) {
    const { nets, metadata } = await readPretrained(file)
    for (const [name, net] of Object.entries(nets) as [NetName, Net][]) {
      const kind = name === 'G' ? 'generator' : 'discriminator'
      const other = found[name]
      if (other)
        throw new PrepError('USAGE', `expected one ${kind}, found ${other.file} and ${file}`, { hint: 'name one' })
      found[name] = { net, file, metadata }
    }
  }
  const { G, D } = found
  if (!G)
    throw new PrepError('USAGE', `expected a generator, found none in ${files.join(', ')}`, { hint: 'name its file' })
  const differing = ['norm', 'label channels'].filter(trait => D && D.net.traits[trait] !== G.net.traits[trait])
  if (D && differing.length > 0) {
    const details = differing.map(trait => `${trait}: G has ${G.net.traits[trait]}, D ${D.net.traits[trait]}`)
    throw new PrepError('WEIGHTS_MISMATCH', [`${G.file} and ${D.file} do not fit:`, ...details].join('\n  '), {
      hint: 'import the generator alone, or name the discriminator that it was trained with',
    })
  }
  return { G: G.net, D: D?.net, metadata: G.metadata, file: G.file }
}

function sizeIn({ size }: Metadata): Size | undefined {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size ?? '') ?? []
  return width === undefined ? undefined : { width: Number(width), height: Number(height) }
}

function paletteIn({ palette, palette_hash }: Metadata): NonNullable<ImportOptions['palette']> | undefined {
  const value = JSON.parse(palette ?? 'null') as { clusters: readonly unknown[] } | null
  return value === null ? undefined : { value, hash: palette_hash ?? '' }
}

function checkLabels(channels: number, input: TrainOptions['label_input'], classes: number | undefined): void {
  if (input === 'colours' && channels !== 3)
    throw new PrepError('USAGE', `label input colours has 3 channels, the generator takes ${channels}`, {
      hint: 'use onehot',
    })
  if (input === 'onehot' && classes !== undefined && classes !== channels)
    throw new PrepError('PALETTE_MISMATCH', `the generator takes ${channels} classes, the palette has ${classes}`, {
      hint: 'name the palette that it was trained with',
    })
}
