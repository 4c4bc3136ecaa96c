/** `prep export web`: the painting page and its model as a folder for any web server. */
import { Command } from 'commander'
import { exportWeb } from '../paint/export-web.js'
import { openStudio } from '../paint/studio.js'
import { bytesText } from '../words.js'
import { chooseCheckpoint } from './choose-checkpoint.js'
import { printLine } from './render.js'
import { datasetFolder } from './verify.js'

export function exportWebCommand(): Command {
  return new Command('web')
    .description('A folder with the painting page and its model, which any web server can host')
    .argument('<run>', 'output of a run (its best or newest checkpoint), or a checkpoint file')
    .argument('<folder>', 'where to write; new, empty, or of an earlier export')
    .option('--dataset <folder>', 'data set that blocks and label maps come from; default: the one of the run')
    .option('--no-dataset', 'without blocks and label maps of a data set')
    .addHelpText(
      'after',
      `
The page computes in the visitor's browser, on WebGPU where there is one, else in WASM; nothing is sent anywhere. Up to 12
label maps and the blocks of the data set go along, photos never do. With the headers Cross-Origin-Opener-Policy:
same-origin and Cross-Origin-Embedder-Policy: require-corp WASM uses several threads.

Example:
  prep export web runs/quickstart site/
  npx http-server site/`,
    )
    .action(async (run: string, folder: string, { dataset }: { dataset?: string | false }) => {
      const given = dataset === false ? null : typeof dataset === 'string' ? await datasetFolder(dataset) : undefined
      const studio = await openStudio(await chooseCheckpoint(run), given)
      try {
        const files = await exportWeb(studio, folder)
        const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
        const model = files.find(({ path }) => path === 'model.onnx')!
        printLine(`${files.length} files, ${bytesText(total)} (the model ${bytesText(model.bytes)}) are in ${folder}`)
      } finally {
        await studio.close()
      }
    })
}
