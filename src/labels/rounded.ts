/** To 4 decimals: more than a measure can mean, and no rounding of a machine's shows. */
export const rounded = (value: number): number => Math.round(value * 1e4) / 1e4
