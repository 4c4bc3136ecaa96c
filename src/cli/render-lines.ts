/** A run's events in words; the same words for a terminal and a pipe. */
import type { RunEvent } from '../pipeline/events.js'
import type { Failure } from '../pipeline/stage.js'
import type { TrainEvent } from '../trainer/events.js'
import { figuresText, figureText } from '../trainer/figures.js'
import { duration } from '../words.js'

/** @returns the event as one line, or nothing for those that are not worth one */
export function eventLine(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'run-start':
      return `${event.pipeline}: ${event.steps.join(' -> ')}, into ${event.output}`
    case 'step-start':
      return event.reason === 'unchanged' ? undefined : `${event.stage}: ${event.reason}`
    case 'progress':
      return `  ${event.label}: ${event.done}/${event.total}${event.cached ? ` (${event.cached} reused)` : ''}`
    case 'note':
      return `  ${event.message}`
    case 'warning':
      return `  warning: ${event.message}`
    case 'skip':
      return `  skipped ${failureText(event.failure)}`
    case 'train':
      return trainLine(event.event)
    case 'step-end':
      return `${event.stage}: ${event.status === 'unchanged' ? 'unchanged' : 'done'}, ${photos(event.samples)}${event.status === 'unchanged' ? '' : `, ${duration(event.seconds)}`}`
    case 'run-end':
      return undefined
  }
}

function trainLine(event: TrainEvent): string | undefined {
  switch (event.type) {
    case 'train-start':
      return `  ${event.engine} on ${event.device} (${event.why}); G ${event.parameters.G.toLocaleString('en')} and D ${event.parameters.D.toLocaleString('en')} parameters, ${event.size.width}x${event.size.height}, ${event.stepsPerEpoch} steps an epoch, ${event.epochs} epochs; about ${(event.memoryBytes / 2 ** 30).toFixed(1)} GB of memory${event.resumed ? `; goes on from ${event.resumed.checkpoint} (step ${event.resumed.step})` : ''}`
    case 'epoch':
      return `  ${event.line}`
    case 'eval':
      return `  held out: ${figuresText(event.figures)} (${event.rows} ${event.split} rows, ${duration(event.seconds)}${event.unlabelled === undefined ? '' : `; labels left out: ${event.unlabelled}`})`
    case 'sheet':
      return `  sample sheet ${event.file}`
    case 'warning':
      return `  warning: ${event.message}`
    case 'train-end': {
      const { curves, progress, best } = event.result
      const pictures = [curves, progress].filter(path => path !== undefined)
      const lines = [
        best && `  best by ${best.metric}: ${best.checkpoint} (${figureText(best.metric, best.value)})`,
        pictures.length > 0 && `  pictures of the whole training: ${pictures.join(', ')}`,
      ].filter(Boolean)
      return lines.length > 0 ? lines.join('\n') : undefined
    }
    // a renderer shows steps by its own measure
    case 'step':
    case 'checkpoint':
      return undefined
  }
}

/** A photo that was left out, on one line whatever its name. */
export const failureText = ({ source, code, message }: Failure): string =>
  `${source}: ${code}, ${message}`.replaceAll('\n', '\\n')

/** The last lines of a run. */
export function endLines(event: Extract<RunEvent, { type: 'run-end' }>): string[] {
  if (event.status === 'interrupted' || event.status === 'failed') return []
  const skipped = event.skipped ? `, ${event.skipped} skipped (reasons in report.json)` : ''
  if (event.status === 'unchanged')
    return [
      `${event.pipeline}: nothing has changed, nothing to do (${photos(event.samples)}${skipped}, ${duration(event.seconds)})`,
    ]
  return [`${event.pipeline}: done, ${photos(event.samples)}${skipped}, ${duration(event.seconds)}`]
}

const photos = (count: number): string => `${count} photo${count === 1 ? '' : 's'}`
