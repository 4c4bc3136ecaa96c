/** The verdict on a photo and its labels: measures against limits, with the reasons as words for programs. */
import type { PhotoMeasures } from './photo-quality.js'
import type { LabelMeasures } from './quality.js'

export interface Measures {
  readonly labels: LabelMeasures
  /** Absent where it is not the photo that was labelled. */
  readonly photo?: PhotoMeasures | undefined
  /** The photo before it in the order of names that looks most like it, if any does. */
  readonly twin?: Twin | undefined
}

export interface Twin {
  readonly name: string
  /** Of 64, in which the hashes differ. */
  readonly bits: number
}

interface Rule {
  readonly value: (measures: Measures) => number | null | undefined
  readonly bad: 'above' | 'below'
  /** What was measured. */
  readonly words: string
}

/** In the order in which reasons are told. */
const RULES = {
  unlabelled: { value: m => m.labels.unlabelled, bad: 'above', words: 'share of pixels without a label' },
  one_cluster: { value: m => m.labels.effective, bad: 'below', words: 'effective number of clusters' },
  dominant: { value: m => m.labels.dominant, bad: 'above', words: 'share of the largest cluster' },
  speckle: { value: m => m.labels.speckle, bad: 'above', words: 'share of pixels in regions under 64 px' },
  alike_clusters: { value: m => m.labels.closest, bad: 'below', words: 'OKLab distance of two clusters' },
  flat: { value: m => m.photo?.contrast, bad: 'below', words: 'contrast of lightness' },
  low_information: { value: m => m.photo?.entropy, bad: 'below', words: 'bits of lightness' },
  dark: { value: m => m.photo?.highlight, bad: 'below', words: 'lightness of the brightest 5%' },
  bright: { value: m => m.photo?.clippedBright, bad: 'above', words: 'share of white pixels' },
  blurred: { value: m => m.photo?.sharpness, bad: 'below', words: 'sharpness' },
  noisy: { value: m => m.photo?.noise, bad: 'above', words: 'noise in 8-bit codes' },
  near_duplicate: { value: m => m.twin?.bits, bad: 'below', words: 'bits from another photo' },
} as const satisfies Readonly<Record<string, Rule>>

export type ReasonCode = keyof typeof RULES
export const REASON_CODES = Object.keys(RULES) as readonly ReasonCode[]

/** Found values at or beyond a limit count. */
export interface Limit {
  readonly warn: number | false
  readonly reject: number | false
}
/** false: the rule is off. */
export type Thresholds = { readonly [code in ReasonCode]: Limit | false }

export type Verdict = (typeof VERDICTS)[number]
export const VERDICTS = ['pass', 'warn', 'reject'] as const

export interface Reason {
  readonly code: ReasonCode
  /** Whether the limit to warn or that to reject is reached. */
  readonly verdict: keyof Limit
  readonly found: number
  readonly limit: number
  /** `near_duplicate`: the other photo. */
  readonly of?: string
}

export interface Judgement {
  readonly verdict: Verdict
  /** Those of the verdict `reject` first; empty for `pass`. */
  readonly reasons: readonly Reason[]
}

/** @returns the severest verdict that a rule gives, and every reason */
export function judge(measures: Measures, thresholds: Thresholds): Judgement {
  const rejecting = reasonsAt('reject', measures, thresholds)
  const warning = reasonsAt('warn', measures, thresholds).filter(({ code }) => !rejecting.some(r => r.code === code))
  const verdict = rejecting.length ? 'reject' : warning.length ? 'warn' : 'pass'
  return { verdict, reasons: [...rejecting, ...warning] }
}

function reasonsAt(level: keyof Limit, measures: Measures, thresholds: Thresholds): Reason[] {
  return REASON_CODES.flatMap((code): Reason[] => {
    const { bad, value }: Rule = RULES[code]
    const found = value(measures) ?? undefined
    const limit = (thresholds[code] || undefined)?.[level] ?? false
    if (found === undefined || limit === false) return []
    if (bad === 'above' ? found < limit : found > limit) return []
    return [
      {
        code,
        verdict: level,
        found,
        limit,
        ...(code === 'near_duplicate' && measures.twin && { of: measures.twin.name }),
      },
    ]
  })
}

/** How near a photo comes to its nearest warning: 1 is at the limit, 0 far from any. For putting the worst first. */
export function strain(measures: Measures, thresholds: Thresholds): number {
  const strains = REASON_CODES.map(code => {
    const { bad, value }: Rule = RULES[code]
    const found = value(measures) ?? undefined
    const limit = (thresholds[code] || undefined)?.warn ?? false
    if (found === undefined || limit === false) return 0
    const ratio = bad === 'above' ? found / limit : limit / found
    return Number.isFinite(ratio) ? ratio : bad === 'below' && limit > 0 ? Number.MAX_VALUE : 0
  })
  return Math.max(...strains)
}

/** `blurred: sharpness 0.12, limit up to 0.15` */
export function reasonText({ code, found, limit, of }: Omit<Reason, 'verdict'>): string {
  const { bad, words }: Rule = RULES[code]
  return `${code}: ${words} ${found}${of === undefined ? '' : ` (${of})`}, limit ${bad === 'above' ? 'from' : 'up to'} ${limit}`
}
