/** Which figures a table has columns for. */
import type { Figures } from '../trainer/evaluate.js'
import { HELD_OUT_METRICS, type HeldOutMetric } from '../trainer/options.js'

/** Those that any of the rows has, in the order in which they are shown. */
export const metricsOf = (rows: readonly { readonly figures: Figures }[]): HeldOutMetric[] =>
  HELD_OUT_METRICS.filter(metric => rows.some(({ figures }) => figures[metric] !== undefined))
