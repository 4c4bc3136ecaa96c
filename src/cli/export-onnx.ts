/** `prep export onnx`: the generator in one file, which is only written once it paints what the checkpoint paints. */
import { Command } from 'commander'
import { writeFileAtomic } from '../files.js'
import type { Size } from '../trainer/augment.js'
import { generatorOnnx } from '../trainer/generator-onnx.js'
import { checkDifference, verifyOnnx } from '../trainer/verify-onnx.js'
import { bytesText } from '../words.js'
import { chooseCheckpoint, datasetBeside } from './choose-checkpoint.js'
import { sizeOf, wholeNumber } from './numbers.js'
import { printLine } from './render.js'
import { datasetFolder } from './verify.js'

interface OnnxFlags {
  readonly out: string
  readonly checkpoint: string
  readonly fp16?: boolean
  readonly size?: Size
  readonly rows: number
  readonly dataset?: string
  readonly json?: boolean
}

export function exportOnnxCommand(): Command {
  return new Command('onnx')
    .description('Write the generator as one ONNX file, checked against the checkpoint')
    .argument('<from>', 'output folder of a run, or a checkpoint')
    .requiredOption('--out <file>', 'ONNX file to write')
    .option('--checkpoint <which>', 'of a run: best (the newest where none is known), latest, or a name', 'best')
    .option('--fp16', 'weights in 16 bits: half the size; the difference is printed and stored in the file')
    .option('--size <WxH>', 'size of the images, as 512 or 512x256; default: that of training', sizeOf)
    .option('--rows <n>', 'held-out rows that the check paints', wholeNumber, 4)
    .option('--dataset <folder>', 'data set to check on; default: that of the run, else drawn label maps')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
The input is label, uint8 [1, H, W]: the class of each pixel. The output is photo, float32 [1, 3, H, W] in [-1, 1]. The
file's metadata hold the palette, the size, how the net was trained and how far it is from the checkpoint.

Examples:
  prep export onnx runs/streets --out streets.onnx
  prep export onnx runs/streets --out small.onnx --fp16`,
    )
    .action(async (from: string, flags: OnnxFlags) => {
      const { out, fp16 = false, size, rows } = flags
      const checkpoint = await chooseCheckpoint(from, flags.checkpoint)
      const dataset = flags.dataset === undefined ? datasetBeside(checkpoint).found : await datasetFolder(flags.dataset)
      const options = { fp16, ...(size && { size }) }
      const onnx = await generatorOnnx(checkpoint, options)
      const difference = await verifyOnnx({ checkpoint, onnx, dataset, rows, ...(size && { size }) })
      checkDifference(difference, fp16)
      const bytes = await generatorOnnx(checkpoint, { ...options, metadata: { checked: JSON.stringify(difference) } })
      await writeFileAtomic(out, bytes)
      const { largest, mean, maps, from: source } = difference
      if (flags.json) printLine(JSON.stringify({ file: out, checkpoint, bytes: bytes.length, fp16, ...difference }))
      else {
        printLine(
          `wrote G of ${checkpoint} to ${out} (${bytesText(bytes.length)}${fp16 ? ', weights in 16 bits' : ''})`,
        )
        printLine(
          `against the checkpoint, ${maps} label maps (${source}): largest difference ${largest.toExponential(1)}, mean ${mean.toExponential(1)}, of values in [-1, 1]`,
        )
      }
    })
}
