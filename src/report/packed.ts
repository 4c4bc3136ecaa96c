/** The packed data set of a run, and which of its rows a sample is. */
import { dirname, join } from 'node:path'
import { PrepError } from '../errors.js'
import type { DatasetIndex, Json } from '../formats/dataset/index-file.js'
import { type Dataset, openDataset } from '../formats/dataset/read.js'
import type { StepRecord } from '../pipeline/step-record.js'
import type { Sample, Split } from '../sample.js'
import type { SourceFacts } from './facts.js'

export interface PackedDataset {
  readonly folder: string
  readonly index: DatasetIndex
  readonly palette: Json
  /** Where a sample came from, and its row when it was packed. */
  sourceOf(sample: Pick<Sample, 'name' | 'source' | 'sha256'>): SourceFacts
  rowOf(split: Split, row: number): SourceFacts | undefined
}

/** Codes of a data set that is not there, is being written or is damaged: a report then does without it. */
const ABSENT: readonly string[] = ['DATASET_MISSING', 'INDEX_DAMAGED', 'DATASET_VERSION', 'FILE_MISSING']

/** The data set that the steps of a run packed or took over. */
export async function readPacked(run: string, records: readonly StepRecord[]): Promise<PackedDataset | undefined> {
  const named = records.findLast(({ result }) => result.artefacts.dataset)?.result.artefacts.dataset?.path
  // the folder may have been moved since: its own data set lies in it
  const places = [join(run, 'dataset'), ...(named === undefined ? [] : [named, join(dirname(run), named)])]
  for (const place of places) {
    const dataset = await openDataset(place).catch(error => {
      if (error instanceof PrepError && ABSENT.includes(error.code)) return undefined
      throw error
    })
    if (!dataset) continue
    try {
      const byRow = new Map<string, SourceFacts>()
      const byName = new Map<string, SourceFacts>()
      for await (const facts of rowsOf(dataset)) {
        byName.set(facts.name, facts)
        if (facts.row !== undefined) byRow.set(`${facts.split} ${facts.row}`, facts)
      }
      const { index, palette } = dataset
      return {
        folder: place,
        index,
        palette,
        sourceOf: ({ name, source, sha256 }) => {
          const row = byName.get(name)
          return row?.sha256 === sha256 ? row : { name, source, sha256 }
        },
        rowOf: (split, row) => byRow.get(`${split} ${row}`),
      }
    } finally {
      await dataset.close()
    }
  }
  return undefined
}

/** Up to where samples.jsonl is damaged: of rows after that no file is told. */
async function* rowsOf(dataset: Dataset): AsyncGenerator<SourceFacts> {
  try {
    for await (const line of dataset.samples()) {
      const { name, source, sha256, key, split, row } = line as unknown as SourceFacts
      yield { name, source, sha256, ...(key && { key }), ...(split && { split }), ...(row !== undefined && { row }) }
    }
  } catch {
    // the rows themselves are there, and checked by their own sums
  }
}
