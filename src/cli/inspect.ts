/** `prep inspect`: what is in a data set, in numbers and as a picture. */
import { Command } from 'commander'
import { writeFileAtomic } from '../files.js'
import { openDataset } from '../formats/dataset/read.js'
import { colourise } from '../images/colour.js'
import { decodeAsIs } from '../images/decode.js'
import { drawContactSheet } from '../images/sheet.js'
import { parsePalette } from '../labels/palette.js'
import { describeSplits, type Pixels, SPLITS, type Split } from '../sample.js'
import { paletteColours } from '../stages/palette-file.js'
import { bytesText } from '../words.js'
import { wholeNumber } from './numbers.js'
import { printLine, printTable } from './render.js'
import { datasetFolder } from './verify.js'

interface InspectFlags {
  readonly json?: boolean
  readonly sheet?: string
  readonly rows: number
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what is in a data set: size, splits, palette with shares, shards')
    .argument('<folder>', 'data set folder, or output of a run')
    .option('--sheet <file.png>', 'draw a contact sheet of the first pairs of each split')
    .option('--rows <n>', 'pairs of each split on the sheet', wholeNumber, 12)
    .option('--json', 'print index.json as it is')
    .action(async (folder: string, { json, sheet, rows }: InspectFlags) => {
      const path = await datasetFolder(folder)
      const dataset = await openDataset(path)
      try {
        const { index } = dataset
        const palette = parsePalette(JSON.stringify(dataset.palette), `${path}/palette.json`)
        if (json) printLine(JSON.stringify(index, null, 2))
        else {
          const bytes = index.shards.reduce((sum, shard) => sum + shard.bytes, 0)
          printTable([
            ['data set', path],
            ['pairs', describeSplits(index.rows)],
            ['size', `${index.size.width}x${index.size.height}, photos ${index.photo}, ${bytesText(bytes)}`],
            ['generation', `${index.generation}, ${index.shards.length} shards`],
            ['fingerprint', index.fingerprint],
          ])
          printLine('\npalette')
          printTable(
            palette.clusters.map(({ id, name, display, share, into }) => [
              `  ${id}`,
              name ?? '-',
              display,
              `${(100 * share).toFixed(1)}%${into === undefined ? '' : `  merged into ${into}`}`,
            ]),
          )
        }
        if (sheet) {
          const colours = paletteColours(palette)
          const pairs = []
          for (const split of SPLITS)
            for (let row = 0; row < Math.min(rows, dataset.rows(split)); row++)
              pairs.push(await pairOf(dataset, split, row, colours))
          await writeFileAtomic(sheet, await drawContactSheet({ pairs, title: path }))
          printLine(`wrote ${sheet}`)
        }
      } finally {
        await dataset.close()
      }
    })
}

async function pairOf(
  dataset: Awaited<ReturnType<typeof openDataset>>,
  split: Split,
  row: number,
  colours: ReturnType<typeof paletteColours>,
): Promise<{ photo: Pixels; label: Pixels; caption: string }> {
  const { label, photo } = await dataset.read(split, row)
  const { width, height } = dataset.form
  return {
    photo: dataset.form.photo === 'jpeg' ? await decodeAsIs(photo) : { data: photo, width, height, channels: 3 },
    label: colourise({ data: label, width, height, channels: 1 }, colours),
    caption: `${split} ${row}`,
  }
}
