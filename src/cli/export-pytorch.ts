/** `prep export pytorch`, and `prep checkpoint export`, as it was called before, which takes the newest checkpoint. */
import { Command, Option } from 'commander'
import type { NetName } from '../trainer/pix2pix/state-dict.js'
import { exportNet } from '../trainer/pytorch.js'
import { chooseCheckpoint } from './choose-checkpoint.js'
import { printLine } from './render.js'

interface PytorchFlags {
  readonly out: string
  readonly checkpoint: string
  readonly net: NetName
}

export function exportPytorchCommand(name: string, which: 'best' | 'latest'): Command {
  return new Command(name)
    .description('Write the generator or the discriminator for PyTorch')
    .argument('<from>', 'output folder of a run, or a checkpoint')
    .requiredOption('--out <file>', 'safetensors file to write')
    .option('--checkpoint <which>', 'of a run: best (the newest where none is known), latest, or a name', which)
    .addOption(new Option('--net <net>', 'G paints, D judges').choices(['G', 'D']).default('G'))
    .action(async (from: string, { out, checkpoint, net }: PytorchFlags) => {
      const file = await chooseCheckpoint(from, checkpoint)
      const state = await exportNet(file, net, out)
      printLine(`wrote ${net} of ${file} (step ${state.step}) to ${out}`)
    })
}
