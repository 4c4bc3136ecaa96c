/** OUT/FOLDER/quality.json: measures, verdict and reasons of each sample, a line each, in the order of names. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../files.js'
import { type Judgement, type Measures, REASON_CODES, type Thresholds, type Verdict } from '../labels/verdict.js'
import type { Sample } from '../sample.js'

export const QUALITY_REPORT = 'quality.json'

export interface JudgedSample {
  readonly sample: Sample
  readonly measures: Measures
  readonly judgement: Judgement
}

export interface VerdictCounts {
  readonly pass: number
  readonly warn: number
  readonly reject: number
  /** How many samples of that verdict have each reason for it; only reasons that occur. */
  readonly reasons: {
    readonly warn: Readonly<Record<string, number>>
    readonly reject: Readonly<Record<string, number>>
  }
}

export function countVerdicts(judged: readonly JudgedSample[]): VerdictCounts {
  const of = (verdict: Verdict): readonly JudgedSample[] => judged.filter(one => one.judgement.verdict === verdict)
  const reasons = (verdict: Verdict): Record<string, number> => {
    const codes = of(verdict).flatMap(({ judgement }) =>
      judgement.reasons.flatMap(reason => (reason.verdict === verdict ? [reason.code] : [])),
    )
    const counts = new Map<string, number>()
    for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1)
    return Object.fromEntries(REASON_CODES.flatMap(code => (counts.has(code) ? [[code, counts.get(code)!]] : [])))
  }
  return {
    pass: of('pass').length,
    warn: of('warn').length,
    reject: of('reject').length,
    reasons: { warn: reasons('warn'), reject: reasons('reject') },
  }
}

/** Lines written at a time. */
const LINES = 1000

/** @throws {PrepError} as `replaceFile` */
export function writeQualityReport(
  folder: string,
  judged: readonly JudgedSample[],
  { on_reject, thresholds }: { readonly on_reject: string; readonly thresholds: Thresholds },
): Promise<void> {
  const sorted = [...judged].sort((a, b) => (a.sample.name < b.sample.name ? -1 : 1))
  const limits = Object.entries(thresholds).map(
    ([code, limit]) => `  ${JSON.stringify(code)}: ${JSON.stringify(limit)}`,
  )
  return replaceFile(join(folder, QUALITY_REPORT), async file => {
    await file.write(
      `{\n "version": 1,\n "on_reject": "${on_reject}",\n "thresholds": {\n${limits.join(',\n')}\n },\n "summary": ${JSON.stringify(countVerdicts(judged))},\n "images": [`,
    )
    for (let from = 0; from < sorted.length; from += LINES) {
      const lines = sorted.slice(from, from + LINES).map(({ sample: { name }, measures, judgement }) => {
        const { labels, photo } = measures
        return `  ${JSON.stringify({ name, ...judgement, labels, photo })}`
      })
      await file.write(`${from ? ',' : ''}\n${lines.join(',\n')}`)
    }
    await file.write(`\n ]\n}\n`)
  })
}

export const hasQualityReport = async (folder: string): Promise<boolean> =>
  (await stat(join(folder, QUALITY_REPORT)).catch(() => undefined))?.isFile() ?? false
