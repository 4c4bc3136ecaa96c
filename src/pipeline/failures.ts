/** Which samples a run left out, by class of failure, told from the records of its steps. */
import { failureClass, isTransient } from '../failure-classes.js'
import type { Failure } from './stage.js'
import type { StepRecord } from './step-record.js'

export interface FailureGroup {
  readonly class: string
  /** May it pass by itself, so that a rerun tries again? */
  readonly transient: boolean
  readonly count: number
  readonly failures: readonly (Failure & { readonly stage: string })[]
}

/**
 * Groups, the largest first. What a step left out counts only if the step before it gave it: the record of a step that
 * was not reached lately tells of samples that have gone.
 */
export function groupFailures(records: readonly StepRecord[]): FailureGroup[] {
  const groups = new Map<string, (Failure & { stage: string })[]>()
  let given: Set<string> | undefined
  for (const { from, failures, result } of records) {
    for (const failure of failures) {
      if (given && !given.has(failure.sample)) continue
      const name = failureClass(failure.code)
      const group = groups.get(name) ?? []
      group.push({ ...failure, stage: from.stage })
      groups.set(name, group)
    }
    given = new Set(result.samples.map(({ name }) => name))
  }
  return [...groups]
    .map(([name, failures]) => ({ class: name, transient: isTransient(name), count: failures.length, failures }))
    .sort((a, b) => b.count - a.count || (a.class < b.class ? -1 : 1))
}
