/**
 * The TensorBoard file of a training: the lines of metrics.jsonl as scalars, its sheets as images, the options as a text.
 * It holds nothing of its own, so it is made anew from the record when training goes on.
 */
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileError, systemCode } from '../errors.js'
import { type SummaryEvent, type SummaryValue, summaryRecord, versionRecord } from '../formats/tensorboard/write.js'
import { PNG_SIGNATURE } from '../images/png.js'
import { type MetricsLine, numbersOf } from './metrics.js'
import type { TrainOptions } from './options.js'

export interface EventFile {
  /** Add what a line of metrics.jsonl says. */
  append(line: MetricsLine): Promise<void>
  close(): Promise<void>
}

export interface EventFileOptions {
  /** Folder of the training, which the names of sheets are relative to. */
  readonly output: string
  readonly options: TrainOptions
  /** What the file is to hold already. */
  readonly past: AsyncIterable<MetricsLine>
}

/** The name is fixed, so that a folder is one run whatever happened to it. */
export const eventFilePath = (output: string): string => join(output, 'tensorboard', 'events.out.tfevents.0.prep')

/** Records are written together up to about so many bytes. */
const PIECE = 1 << 20

/**
 * Open the file with the past of the training in it. It is written over in place: a TensorBoard that reads it meanwhile
 * finds the same bytes where it stands.
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function openEventFile({ output, options, past }: EventFileOptions): Promise<EventFile> {
  const path = eventFilePath(output)
  const file = await openInPlace(path)
  let end = 0
  let pending: Uint8Array[] = []
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(pending)
    pending = []
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, end + at)
      at += bytesWritten
    }
    end += bytes.length
  }
  const add = async (line: MetricsLine): Promise<void> => {
    const event = await eventOf(line, output)
    if (event) pending.push(summaryRecord(event))
  }
  const checked = (operation: Promise<void>): Promise<void> =>
    operation.catch(error => {
      throw fileError(error, path, 'write the events to')
    })
  try {
    pending.push(versionRecord(0), summaryRecord({ wallTime: 0, step: 0, values: [optionsText(options)] }))
    for await (const line of past) {
      await add(line)
      if (pending.reduce((sum, { length }) => sum + length, 0) > PIECE) await checked(flush())
    }
    await checked(flush())
    await checked(file.truncate(end))
  } catch (error) {
    await file.close()
    throw error
  }
  return {
    async append(line) {
      await add(line)
      await checked(flush())
    },
    close: () => file.close(),
  }
}

async function openInPlace(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true })
    return await open(path, 'r+').catch(error => {
      if (systemCode(error) === 'ENOENT') return open(path, 'w+')
      throw error
    })
  } catch (error) {
    throw fileError(error, path, 'write the events to')
  }
}

/** The step is the time: a clock would make two equal trainings differ. */
async function eventOf(line: MetricsLine, output: string): Promise<SummaryEvent | undefined> {
  const { type, step } = line
  const values =
    type === 'sheet'
      ? await imageOf(join(output, line.file ?? ''))
      : numbersOf(line).map(([name, scalar]) => ({ tag: `${type}/${name}`, scalar }))
  return values.length > 0 ? { wallTime: step, step, values } : undefined
}

/** A sheet, unless somebody has removed it or put something else in its place. */
async function imageOf(path: string): Promise<SummaryValue[]> {
  const png = await readFile(path).catch(error => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileError(error, path, 'read the sheet')
  })
  // signature, then the IHDR chunk: RFC 2083, 3.1 and 4.1.1
  if (!png || png.length < 24 || !png.subarray(0, 8).equals(PNG_SIGNATURE)) return []
  return [{ tag: 'samples', image: { png, width: png.readUInt32BE(16), height: png.readUInt32BE(20) } }]
}

/** A table of the options; how this run began is none of them. */
function optionsText({ resume, ...options }: TrainOptions): SummaryValue {
  const rows = (prefix: string, fields: object): string[] =>
    Object.entries(fields).flatMap(([name, value]) =>
      value !== null && typeof value === 'object'
        ? rows(`${prefix}${name}.`, value)
        : value === undefined
          ? []
          : [`| ${prefix}${name} | ${value} |`],
    )
  return { tag: 'options', text: ['| option | value |', '| --- | --- |', ...rows('', options)].join('\n') }
}
