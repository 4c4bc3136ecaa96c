/** The same pipelines from TypeScript: a step whose inputs no earlier step gives does not compile. */
import type { z } from 'zod'
import { PrepErrors } from '../errors.js'
import { optionErrors } from './option-errors.js'
import type { Pipeline, StageModule, Step } from './parse.js'
import { pipelineOptions } from './pipeline-options.js'
import type { Field, Stage } from './stage.js'

/** Refuses, with the missing fields in its type, a stage that needs what is not there yet. */
type Fits<Needs extends Field, Have extends Field> = [Needs] extends [Have]
  ? unknown
  : { readonly 'no earlier step gives': Exclude<Needs, Have> }

export interface PipelineSettings {
  readonly seed?: number
  /** Default: runs/NAME. */
  readonly output?: string
  readonly max_failures?: number | `${number}%`
}

/** Steps added so far, and in the type what they give. */
export class PipelineBuilder<Have extends Field = never> {
  readonly #name: string
  readonly #settings: PipelineSettings
  readonly #steps: readonly Step[]

  constructor(name: string, settings: PipelineSettings, steps: readonly Step[] = []) {
    this.#name = name
    this.#settings = settings
    this.#steps = steps
  }

  /**
   * Add a step; the pipeline so far stays as it was.
   *
   * @param options  as in YAML; defaults are filled in
   * @param module   for a stage of your own: URL and sha256 of the file whose default export it is
   * @throws {PrepErrors} when the options are refused
   */
  step<S extends z.ZodType, Needs extends Field, Gives extends Field>(
    stage: Stage<unknown, Needs, Gives> & { readonly options: S } & Fits<Needs, Have>,
    options: z.input<S>,
    module?: StageModule,
  ): PipelineBuilder<Have | Gives> {
    const index = this.#steps.length
    const parsed = stage.options.safeParse(options)
    if (!parsed.success)
      throw new PrepErrors(optionErrors(parsed.error, stage.options, options, ['steps', index], () => undefined))
    const step: Step = { index, stage: stage as unknown as Stage, options: parsed.data, ...(module && { module }) }
    return new PipelineBuilder<Have | Gives>(this.#name, this.#settings, [...this.#steps, step])
  }

  /** The pipeline, ready for `runPipeline`. @throws {PrepErrors} when the settings are refused */
  build(): Pipeline {
    const raw = { name: this.#name, ...this.#settings, steps: this.#steps }
    const head = pipelineOptions.safeParse(raw)
    if (!head.success) throw new PrepErrors(optionErrors(head.error, pipelineOptions, raw, [], () => undefined))
    const { seed, output = `runs/${this.#name}`, max_failures } = head.data
    return {
      name: this.#name,
      file: `${this.#name} (TypeScript)`,
      seed,
      output,
      maxFailures: max_failures,
      environment: {},
      overrides: [],
      steps: this.#steps,
    }
  }
}

export const pipeline = (name: string, settings: PipelineSettings = {}): PipelineBuilder =>
  new PipelineBuilder(name, settings)
