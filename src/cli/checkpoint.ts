/** `prep checkpoint`: look at trained nets, and move them to and from PyTorch. */
import { Command, Option } from 'commander'
import { PrepError } from '../errors.js'
import { readFileChecked, sha256Hex } from '../files.js'
import { openSafetensors } from '../formats/safetensors/read.js'
import { parsePalette } from '../labels/palette.js'
import type { Size } from '../trainer/augment.js'
import { type CheckpointState, readCheckpointState } from '../trainer/checkpoint.js'
import type { TrainOptions } from '../trainer/options.js'
import { type NetName, traitsOfConfig } from '../trainer/pix2pix/state-dict.js'
import { countParameters } from '../trainer/pix2pix/step.js'
import { readPretrained } from '../trainer/pretrained.js'
import { importCheckpoint } from '../trainer/pytorch.js'
import { chooseCheckpoint } from './choose-checkpoint.js'
import { exportPytorchCommand } from './export-pytorch.js'
import { sizeOf } from './numbers.js'
import { printLine, printTable } from './render.js'

interface ImportFlags {
  readonly out: string
  readonly size?: Size
  readonly palette?: string
  readonly labelInput?: TrainOptions['label_input']
  readonly dropout: boolean
}

export function checkpointCommand(): Command {
  const command = new Command('checkpoint')
    .description('Show trained nets; export them to PyTorch, import them from there')
    .addHelpText(
      'after',
      `
Files for PyTorch are safetensors with the names of pytorch-CycleGAN-and-pix2pix's latest_net_G.pth and latest_net_D.pth;
docs/pytorch.md has the lines that turn one into the other.

Examples:
  prep checkpoint show runs/streets
  prep export pytorch runs/streets --out latest_net_G.safetensors
  prep export pytorch runs/streets --checkpoint epoch-0050 --net D --out latest_net_D.safetensors
  prep checkpoint import latest_net_G.safetensors --size 256 --out pretrained.safetensors

What is imported is a checkpoint at step 0. A training begins with its weights by
  - stage: train
    init_from: pretrained.safetensors   # or latest_net_G.safetensors itself`,
    )
  command
    .command('show')
    .description('What a checkpoint, or a state dict for PyTorch, holds')
    .argument('<from>', 'output folder of a run (its newest checkpoint), a checkpoint, or a safetensors state dict')
    .option('--json', 'print it as JSON')
    .action(show)
  command.addCommand(exportPytorchCommand('export', 'latest'))
  command
    .command('import')
    .description('Make a checkpoint of nets that PyTorch has trained')
    .argument('<files...>', 'safetensors of the generator and, if there is one, of the discriminator, in any order')
    .requiredOption('--out <file>', 'checkpoint to write')
    .option('--size <WxH>', 'size of the images, as 256 or 512x256; files exported by prep say it', sizeOf)
    .option('--palette <file>', 'palette.json of the classes that the generator takes')
    .addOption(
      new Option('--label-input <how>', 'how the generator takes labels (default: colours for 3 channels)').choices([
        'onehot',
        'colours',
      ]),
    )
    .option('--no-dropout', 'the generator was trained without dropout')
    .action(async (files: string[], { out, size, palette, labelInput, dropout }: ImportFlags) => {
      const options = { size, labelInput, palette: palette === undefined ? undefined : await readPalette(palette) }
      const state = await importCheckpoint(files, out, { ...options, ...(dropout ? {} : { dropout }) })
      printState(state, await netsIn(out))
      printLine(`\nwrote ${out}; a train step begins with it by init_from: ${out}`)
    })
  return command
}

async function readPalette(file: string) {
  const text = (await readFileChecked(file, 'read the palette')).toString('utf8')
  return { value: parsePalette(text, file), hash: sha256Hex(text) }
}

async function show(from: string, { json }: { json?: boolean }): Promise<void> {
  const file = await chooseCheckpoint(from, 'latest')
  const state = await readCheckpointState(file).catch((error: unknown) => {
    if (error instanceof PrepError && error.code === 'CHECKPOINT_DAMAGED') return error
    throw error
  })
  if (!(state instanceof PrepError)) {
    if (json) printLine(JSON.stringify({ file, ...state }, null, 2))
    else {
      printLine(file)
      printState(state, await netsIn(file))
    }
    return
  }
  const { nets } = await readPretrained(file).catch(() => {
    throw state
  })
  if (json)
    printLine(
      JSON.stringify(
        { file, nets: Object.fromEntries(Object.entries(nets).map(([net, { traits }]) => [net, traits])) },
        null,
        2,
      ),
    )
  else {
    printLine(`${file}: a state dict`)
    printTable(Object.entries(nets).map(([net, { traits }]) => [net, traitsText(traits)]))
  }
}

/** From the header alone. */
async function netsIn(checkpoint: string): Promise<NetName[]> {
  const file = await openSafetensors(checkpoint)
  await file.close()
  return (['G', 'D'] as const).filter(net => [...file.tensors.keys()].some(name => name.startsWith(`${net}.`)))
}

function printState({ model, options, palette, dataset, ...state }: CheckpointState, nets: readonly NetName[]): void {
  const parameters = countParameters(model)
  const classes = (palette as { clusters: readonly unknown[] } | null)?.clusters.length
  const net = (name: NetName): string =>
    `${traitsText(traitsOfConfig(name, model))} (${parameters[name].toLocaleString('en')} parameters)`
  printTable([
    [
      'trained',
      state.engine === 'pytorch' ? 'by PyTorch' : `${state.epoch} epochs, ${state.step} steps, by ${state.engine}`,
    ],
    ['images', `${model.width}x${model.height}`],
    ['labels', `${options.label_input}, ${classes === undefined ? 'no palette' : `${classes} classes`}`],
    ...nets.map(name => [name, net(name)]),
    ...(dataset.rows > 0 ? [['data set', `${dataset.rows} training rows, ${dataset.fingerprint}`]] : []),
  ])
}

const traitsText = (traits: Readonly<Record<string, number | string>>): string =>
  Object.entries(traits)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
