/** `prep export pytorch`, and the same under its older name `prep checkpoint export`. */
import { Command, Option } from 'commander'
import type { NetName } from '../trainer/pix2pix/state-dict.js'
import { exportNet } from '../trainer/pytorch.js'
import { chooseCheckpoint } from './choose-checkpoint.js'
import { printLine } from './render.js'

export function exportPytorchCommand(name: string): Command {
  return new Command(name)
    .description('Write the generator or the discriminator for PyTorch')
    .argument('<from>', 'output folder of a run (its newest checkpoint), or a checkpoint')
    .requiredOption('--out <file>', 'safetensors file to write')
    .addOption(new Option('--net <net>', 'G paints, D judges').choices(['G', 'D']).default('G'))
    .addOption(new Option('--format <format>', 'names of the tensors').choices(['pytorch']).default('pytorch'))
    .action(async (from: string, { out, net }: { out: string; net: NetName }) => {
      const file = await chooseCheckpoint(from, 'latest')
      const state = await exportNet(file, net, out)
      printLine(`wrote ${net} of ${file} (step ${state.step}) to ${out}`)
    })
}
