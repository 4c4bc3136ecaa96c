/** What a report tells: one plain object, gathered from the files of a run, that rendering turns into a page. */
import type { Panel } from '../images/chart.js'
import type { Split } from '../sample.js'
import type { VerdictCounts } from '../stages/quality-report.js'
import type { Figures } from '../trainer/evaluate.js'
import type { HeldOutMetric } from '../trainer/options.js'
import type { Versions } from '../trainer/versions.js'

export interface RunFacts {
  /** The output folder, as named. */
  readonly run: string
  /** Of the pipeline. */
  readonly name: string
  readonly outcome: Outcome
  /** Every time it was run, oldest first. */
  readonly history: readonly Attempt[]
  readonly steps: readonly StepFacts[]
  readonly data: DataFacts
  /** Absent where nothing was trained. */
  readonly training?: TrainingFacts
  /** Absent where nothing was measured for the report. */
  readonly evaluation?: EvaluationFacts
  readonly provenance: ProvenanceFacts
}

/** `running`: right now; `lost`: killed without a word. */
export type OutcomeStatus = 'done' | 'failed' | 'interrupted' | 'running' | 'lost' | 'unknown'

export interface Outcome {
  readonly status: OutcomeStatus
  /** When it ended, or was last heard of; ISO 8601. */
  readonly at?: string
  readonly error?: { readonly code: string; readonly message: string; readonly advice?: string }
  /** The command that goes on, for a run that is not done. */
  readonly goOn?: string
}

export interface Attempt {
  readonly began: string
  readonly ended?: string
  readonly status: OutcomeStatus
  readonly seconds?: number
  /** Steps that were made in it, not found as they were. */
  readonly made: readonly string[]
  readonly code?: string
}

export interface StepFacts {
  readonly stage: string
  /** When it was last made, and why. */
  readonly at: string
  readonly reason: string
  /** That took. */
  readonly seconds: number
  readonly samples: number
  readonly skipped: number
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

export interface DataFacts {
  /** Samples that sources gave, those that came through, and those that were left out. */
  readonly found: number
  readonly used: number
  readonly leftOut: number
  readonly splits: Readonly<Partial<Record<Split, number>>>
  readonly skips: readonly SkipFacts[]
  readonly palette: readonly PaletteEntry[]
  readonly split?: SplitFacts
  readonly quality: readonly QualityFacts[]
  readonly packed?: PackedFacts
  /** Names of pictures, with the samples that they show. */
  readonly sheets: readonly ContactSheetFacts[]
}

/** Samples left out for one reason by one step. */
export interface SkipFacts {
  readonly stage: string
  readonly code: string
  readonly class: string
  readonly count: number
  /** Asked for by the pipeline, as duplicates are. */
  readonly wanted: boolean
  readonly meaning?: string
  readonly advice?: string
  /** The command that tries them again. */
  readonly retry: string
  readonly examples: readonly { readonly name: string; readonly source: string; readonly message: string }[]
}

export interface PaletteEntry {
  readonly id: number
  readonly name?: string
  /** `#rrggbb`. */
  readonly display: string
  readonly mean: string
  /** 0..1. */
  readonly share: number
  readonly into?: number
}

export interface SplitFacts {
  readonly rule: string
  readonly seed: number
  readonly test: number
  readonly val: number
  readonly group: string
  readonly threshold: number
  /** Groups of more than one sample, and the samples in them. */
  readonly groups: { readonly count: number; readonly samples: number }
  readonly moved: readonly { readonly name: string; readonly from: string; readonly to: string }[]
  readonly movedCount: number
  /** Looked for when the report was made; absent where that was left out. */
  readonly leaks?: LeakFacts
  /** Pictures that were too many to look for leaks. */
  readonly unsearched?: number
}

export interface LeakFacts {
  readonly pictures: number
  readonly threshold: number
  readonly count: number
  readonly examples: readonly { readonly held: string; readonly twin: string; readonly distance: number }[]
}

export interface QualityFacts {
  readonly folder: string
  readonly onReject: string
  readonly summary: VerdictCounts
  /** Samples that are not at ease, worst verdict first. */
  readonly examples: readonly { readonly name: string; readonly verdict: string; readonly reasons: readonly string[] }[]
}

export interface PackedFacts {
  readonly width: number
  readonly height: number
  readonly photo: string
  readonly bytes: number
}

export interface ContactSheetFacts {
  readonly picture: string
  readonly title: string
  /** In the order of its cells. */
  readonly cells: readonly SourceFacts[]
}

/** A picture's way back to its file. */
export interface SourceFacts {
  readonly name: string
  readonly source: string
  readonly sha256: string
  /** Of the data set. */
  readonly key?: string
  readonly split?: string
  readonly row?: number
}

export interface TrainingFacts {
  readonly folder: string
  readonly epochs: number
  readonly epochsDone: number
  readonly step: number
  readonly totalSteps?: number
  /** Options that are not the default. */
  readonly changed: readonly { readonly option: string; readonly value: string; readonly byDefault: string }[]
  readonly engine?: string
  readonly device?: string
  readonly parameters?: { readonly G: number; readonly D: number }
  readonly size?: { readonly width: number; readonly height: number }
  readonly memoryBytes?: number
  readonly panels: readonly Panel[]
  /** Means over epochs, evenly thinned when there are many. */
  readonly table: readonly EpochRow[]
  readonly evaluations: readonly EvaluationRow[]
  readonly health: HealthFacts
  readonly speed?: SpeedFacts
  readonly checkpoints: readonly CheckpointFacts[]
  readonly best?: BestFacts
  /** Oldest first. */
  readonly sheets: readonly { readonly picture: string; readonly epoch: number; readonly step: number }[]
  /** Sheets that metrics.jsonl names and that are not there. */
  readonly sheetsMissing: number
  /** The rows of every sheet, top to bottom. */
  readonly sheetRows: readonly SourceFacts[]
  /** Picture of the last sheet, for the summary. */
  readonly hero?: string
  /** Picture of the progress strip. */
  readonly strip?: string
}

export interface EpochRow {
  readonly epoch: number
  readonly step: number
  readonly values: Readonly<Record<string, number>>
}

export interface EvaluationRow {
  readonly epoch: number
  readonly step: number
  readonly split: string
  readonly figures: Figures
}

export interface HealthFacts {
  /** Means over the last steps; D guessing would have one half. */
  readonly recent?: { readonly steps: number; readonly real: number; readonly fake: number }
  readonly warnings: readonly string[]
}

export interface SpeedFacts {
  /** Medians over the epochs that tell. */
  readonly imagesPerSecond: number
  readonly stepMs?: number
  /** Part of a step's time that it waited for its rows, 0..1. */
  readonly dataWait?: number
  readonly epochs: number
  /** Told by the trainer, or worked out from when epochs ended, which counts sheets, evaluations and checkpoints in. */
  readonly from: 'steps' | 'epochs'
}

export interface CheckpointFacts {
  readonly file: string
  readonly epoch: number
  readonly step?: number
  readonly bytes: number
}

/** The best evaluation by a metric; `file` is its checkpoint where that is still there. */
export interface BestFacts {
  readonly metric: HeldOutMetric
  readonly value: number
  readonly epoch: number
  readonly file?: string
  /** Chosen by `keep_best`, not by this report. */
  readonly kept: boolean
}

/** Checkpoints painted and measured when the report was made. */
export interface EvaluationFacts {
  readonly split: string
  readonly rows: number
  readonly of: number
  readonly checkpoints: readonly MeasuredCheckpoint[]
  readonly ceiling: Figures
  readonly unlabelled?: string
  /** Which figure ranks the rows. */
  readonly by: HeldOutMetric
  /** Of the last of `checkpoints`. */
  readonly worst: readonly MeasuredRow[]
  readonly best: readonly MeasuredRow[]
}

export interface MeasuredCheckpoint {
  readonly file: string
  readonly role: 'best' | 'last' | 'best and last'
  readonly epoch: number
  readonly step: number
  readonly figures: Figures
}

export interface MeasuredRow {
  readonly row: number
  readonly name: string
  readonly figures: Figures
  /** The file it came from, where the data set tells. */
  readonly source?: SourceFacts
  /** Input, truth and painting side by side. */
  readonly picture: string
}

export interface ProvenanceFacts {
  readonly seed?: number
  /** Where the command was given, and the command. */
  readonly folder?: string
  readonly command?: string
  /** Variables that the command needs and whose values are not told. */
  readonly hidden: readonly string[]
  /** The pipeline file as it is now; of a very long one the beginning, and how much there is more. */
  readonly yaml?: { readonly file: string; readonly text: string; readonly cutBytes?: number }
  readonly stages: readonly { readonly stage: string; readonly version: number; readonly module?: string }[]
  readonly codec?: string
  readonly versions?: Partial<Versions>
  readonly machine?: { readonly node: string; readonly cpus: number; readonly memoryBytes: number }
  readonly dataset?: {
    readonly folder: string
    readonly fingerprint: string
    readonly generation: number
    readonly shards: readonly {
      readonly file: string
      readonly rows: number
      readonly bytes: number
      readonly sha256: string
    }[]
    readonly shardCount: number
  }
  readonly model?: { readonly path: string; readonly sha256: string }
}

/** A picture of a report, before it is scaled. */
export interface PictureSource {
  readonly name: string
  /** A file, or the bytes of one. */
  readonly from: string | Uint8Array
  /** Of many like it, some may be left out. */
  readonly series: boolean
  readonly maxWidthPx: number
}
