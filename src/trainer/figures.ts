/** Figures of an evaluation as people read them. */
import type { Figures } from './evaluate.js'
import { HELD_OUT_METRICS, type HeldOutMetric } from './options.js'

const FORMS: Readonly<Record<HeldOutMetric, readonly [name: string, show: (value: number) => string]>> = {
  l1: ['L1', value => value.toFixed(4)],
  psnr: ['PSNR', value => `${value.toFixed(2)} dB`],
  ssim: ['SSIM', value => value.toFixed(4)],
  pixel_accuracy: ['pixels', value => `${(100 * value).toFixed(1)}%`],
  miou: ['mean IoU', value => `${(100 * value).toFixed(1)}%`],
}

export const figureName = (metric: HeldOutMetric): string => FORMS[metric][0]

export const figureText = (metric: HeldOutMetric, value: number | undefined): string =>
  value === undefined ? '-' : FORMS[metric][1](value)

/** `L1 0.1234, PSNR 18.21 dB, SSIM 0.4321, pixels 81.2%, mean IoU 51.2%` */
export const figuresText = (figures: Figures): string =>
  HELD_OUT_METRICS.filter(metric => figures[metric] !== undefined)
    .map(metric => `${figureName(metric)} ${figureText(metric, figures[metric])}`)
    .join(', ')

/** The figures that any of the rows has, in the order in which they are shown: what a table has columns for. */
export const metricsOf = (rows: readonly { readonly figures: Figures }[]): HeldOutMetric[] =>
  HELD_OUT_METRICS.filter(metric => rows.some(({ figures }) => figures[metric] !== undefined))
