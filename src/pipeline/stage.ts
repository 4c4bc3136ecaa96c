/** What a stage is: a name, options with a schema, what it needs and gives, and how it turns one set into the next. */
import type { z } from 'zod'
import type { ErrorCode } from '../errors.js'
import type { ImageRef, Pixels, Sample } from '../sample.js'
import type { TrainEvent } from '../trainer/events.js'
import type { RunEvent } from './events.js'
import type { Json } from './fingerprint.js'

/** What a stage can need or give: images of samples, and things of the whole set. */
export type Field = 'photo' | 'label' | 'drawing' | 'palette' | 'split' | 'dataset' | 'model'

/** A product of the whole set: a file or folder under the output, and the key of its content. */
export interface Artefact {
  readonly path: string
  readonly key: string
}

/** What flows between stages. Plain data: it is written down as the step's result. */
export interface SampleSet {
  readonly samples: readonly Sample[]
  readonly artefacts: { readonly [name in 'classes' | 'palette' | 'split' | 'dataset' | 'model']?: Artefact }
}

/** A photo that was left out, and why. */
export interface Failure {
  readonly sample: string
  readonly source: string
  readonly code: string
  readonly message: string
  /** Left out because the pipeline asks for it: does not count against `max_failures`. */
  readonly wanted?: true
}

/** One piece of work for a worker process; plain data. */
export interface TaskCall {
  /** Work on one sample: an expected error then counts against that sample instead of stopping the run. */
  readonly sample?: Sample
  /**
   * Everything that the result depends on, other than the stage, its version and the codec. With it the result is
   * stored and found again; without it the task runs every time (it writes files of its own).
   */
  readonly keyed?: Json
  readonly input: Json
  /** Which image of the sample the task makes; default: its photo. */
  readonly makes?: 'photo' | 'label' | 'drawing'
}

export type TensorData =
  | { readonly dtype: 'U8'; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: 'U32'; readonly shape: readonly number[]; readonly data: Uint32Array }
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }

/** What a task gives back: an image or bytes for the store, and small facts for the caller. */
export interface TaskOutput {
  readonly image?: Pixels
  readonly bytes?: Uint8Array
  readonly facts?: { readonly [name: string]: Json }
}

/** Pixels, and their CRC-32C where it has been checked on the way. */
export type LoadedPixels = Pixels & { readonly crc32c?: number }

/** What a task may use besides its input: nothing that other calls change. */
export interface TaskTools {
  /**
   * The pixels behind a reference: the file decoded at its own size, or the stored image, checked. They are the task's
   * until it ends: what it keeps longer it copies.
   */
  load(ref: ImageRef): Promise<LoadedPixels>
  /** Bytes that a task stored, checked. */
  bytes(key: string): Uint8Array
  /** Give loaded pixels back before the task ends, for a task that loads many. */
  release(pixels: LoadedPixels): void
  /**
   * Decode within limits, as `load` does with files: the sample fails with `DECODE_TIMEOUT` when `work` takes longer.
   *
   * @param work  is given what waits until so many bytes of memory are free, to be asked once
   */
  guard<T>(seconds: number, work: (reserve: (bytes: number) => Promise<void>) => Promise<T>): Promise<T>
}

/** Runs in a worker process. Must depend on its input alone. */
export type Task = (input: never, tools: TaskTools) => Promise<TaskOutput>

export type TaskResult =
  | {
      readonly status: 'done'
      readonly key: string
      readonly cached: boolean
      readonly facts: { [name: string]: Json }
    }
  | { readonly status: 'failed'; readonly failure: Failure }

/** One file of a folder of results: made again only when its key changes or the file is gone. */
export interface FolderItem {
  /** Path inside the folder. */
  readonly file: string
  /** Everything that the file's content depends on. */
  readonly key: Json
  /** The task that writes the file. */
  readonly task: string
  readonly call: TaskCall
}

/** What a stage may use while it runs. */
export interface StageContext {
  /** The run's output folder. */
  readonly output: string
  /** Its cache folder: what is in it can be made again. */
  readonly cache: string
  readonly seed: number
  readonly jobs: number
  readonly fresh: boolean
  /** Classes of failures to try again; others then keep their verdict. Absent in an ordinary run. */
  readonly retry?: ReadonlySet<string>
  /** Aborted by Ctrl-C: finish the sample in hand, then stop. */
  readonly signal: AbortSignal
  emit(event: RunEvent): void
  note(message: string): void
  train(event: TrainEvent): void
  warn(message: string): void
  progress(label: string, done: number, total: number): void
  /** Photos left out by the steps before this one. */
  readonly skipped: readonly Failure[]
  /** Leave a photo out. */
  fail(failure: Failure): void
  /**
   * Run one of the stage's tasks for each call in worker processes, in any order.
   * @returns results in the order of the calls; failed samples are already counted
   */
  map(task: string, calls: readonly TaskCall[], label?: string): Promise<TaskResult[]>
  /** Bytes that a task stored, checked. */
  bytes(key: string): Uint8Array
  /** Small results of whole-set work (a palette), found again by what they depend on. */
  remember(keyed: Json, make: () => Promise<string>): Promise<string>
  /** The key of a result that `map` stores. */
  key(task: string, keyed: Json): string
  /**
   * Files of a folder of results that are missing or made from something else. The folder counts as unfinished from now
   * on, until `folder` is called.
   */
  stale(path: string, items: readonly Pick<FolderItem, 'file' | 'key'>[]): Promise<ReadonlySet<string>>
  /**
   * Bring a folder of results up to date: make what is missing or stale, remove what is no longer named.
   * @param made  stale files that have been made already
   */
  folder(path: string, items: readonly FolderItem[], made?: ReadonlySet<string>): Promise<void>
}

/**
 * A task on every photo (or drawing) that a step will call for: run as soon as an earlier step has made the image, while
 * its pixels are at hand, so that the step finds the result in the store.
 */
export interface Ahead<O> {
  task(options: O): string
  /** Of which image it is wanted, if at all. */
  wanted(options: O): 'photo' | 'drawing' | undefined
  /** Of which of the samples, by their sha256; absent: of all. */
  among?(samples: readonly Sample[], options: O): ReadonlySet<string> | undefined
  /** What of the options the call depends on. */
  details?(options: O): Json
  /** The call as the step itself makes it, so that the result has the same key. */
  call(photo: ImageRef, details: never): Pick<TaskCall, 'keyed' | 'input'>
}

export interface FieldsByOptions {
  readonly needs?: readonly (Field | readonly Field[])[]
  readonly gives?: readonly Field[]
}

export interface Stage<O = unknown, Needs extends Field = Field, Gives extends Field = Field> {
  /** The word in the YAML file. */
  readonly name: string
  /** Raised when the same options and inputs give other results: everything made with the old one is then made again. */
  readonly version: number
  /** One sentence for lists; `details` for `prep stages NAME`. */
  readonly summary: string
  readonly details?: string
  readonly options: z.ZodType<O>
  readonly needs: readonly Needs[]
  readonly gives: readonly Gives[]
  /** Where options decide: what these need besides `needs` (of several fields in a list any one), and which of `gives` they give. */
  fields?(options: O): FieldsByOptions
  /** Options that change no result (paths, thread counts): they stay out of keys. */
  readonly neutral?: readonly string[]
  /** Writes down the photos left out so far: its result changes with them. */
  readonly listsSkipped?: boolean
  /** Reads files from outside each time (a source): its result is never taken from the last run unseen. */
  readonly source?: boolean
  readonly tasks?: { readonly [name: string]: Task }
  /**
   * Tasks that several stages have, each with its version: what one stage has stored the others find, whatever the
   * versions of the stages.
   */
  readonly shared?: { readonly [task: string]: number }
  readonly ahead?: readonly Ahead<O>[]
  run(set: SampleSet, options: O, context: StageContext): Promise<SampleSet>
  /** Are the files that this stage left still there? Asked before a step's result is reused. */
  intact?(result: SampleSet, options: O, output: string): Promise<boolean>
  /** Files that options name: their content enters the key. */
  files?(options: O): readonly string[]
  /** Files below the output that people edit, where they are: their content enters the key as well. */
  edits?(options: O): readonly string[]
  /** What a source would find, for `prep plan`; reads the file system, writes nothing. */
  preview?(options: O, output: string): Promise<{ readonly count: number; readonly note?: string }>
  /** Lines for `prep plan`: what the stage would write. Reads nothing but its arguments. */
  plan?(options: O, output: string): readonly string[]
  /** Problems that the schema alone cannot see. */
  check?(options: O, place: Place): readonly Problem[]
  /** The size that photos have after this stage, where its options tell. */
  sizeOf?(options: O): { readonly width: number; readonly height: number }
}

/** Where a stage stands in its pipeline. */
export interface Place {
  /** The run's output folder. */
  readonly output: string
  /** Of the photos that arrive, as far as the pipeline file tells. */
  readonly size?: { readonly width: number; readonly height: number }
}

/** Something wrong with the options of a stage, found before anything runs. */
export interface Problem {
  /** Path of the option within the step. */
  readonly option: string
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
}

/** Declare a stage; types flow from the schema to `run`. */
export function defineStage<S extends z.ZodType, const Needs extends Field = never, const Gives extends Field = never>(
  stage: Omit<Stage<z.output<S>, Needs, Gives>, 'options'> & { readonly options: S },
): Stage<z.output<S>, Needs, Gives> & { readonly options: S } {
  return stage as unknown as Stage<z.output<S>, Needs, Gives> & { readonly options: S }
}
