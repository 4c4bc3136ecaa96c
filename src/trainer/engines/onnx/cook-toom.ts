/** The matrices that turn a short correlation into products of polynomials' values at a few points. */

/** Rows of equal length. */
export type Matrix = readonly (readonly number[])[]

/**
 * The Cook-Toom matrices: y = A' [(G g) * (B d)] correlates inputs d with taps g to outputs y, with one product for each
 * of `points` and one for infinity.
 *
 * A and G take the values of polynomials at the points; B holds the coefficients of Lagrange's polynomials.
 * @see Blahut, Fast Algorithms for Signal Processing, 2010, section 5.2
 */
export function cookToom(
  points: readonly number[],
  outputs: number,
  taps: number,
): { readonly A: Matrix; readonly G: Matrix; readonly B: Matrix } {
  const others = (i: number): number[] => points.filter((_, l) => l !== i)
  const atInfinity = (length: number): number[] => Array.from({ length }, (_, k) => (k === length - 1 ? 1 : 0))
  const powers = (p: number, length: number): number[] => Array.from({ length }, (_, k) => p ** k)
  const G = points.map((p, i) => {
    const scale = others(i).reduce((product, q) => product * (p - q), 1)
    return powers(p, taps).map(power => power / scale)
  })
  return {
    A: [...points.map(p => powers(p, outputs)), atInfinity(outputs)],
    G: [...G, atInfinity(taps)],
    B: [...points.map((_, i) => [...withRoots(others(i)), 0]), withRoots(points)],
  }
}

/** Coefficients, lowest first, of the polynomial with these roots and leading coefficient 1. */
function withRoots(roots: readonly number[]): number[] {
  let polynomial = [1]
  for (const root of roots) {
    const before = polynomial
    polynomial = [0, ...before].map((c, k) => c - root * (before[k] ?? 0))
  }
  return polynomial
}

/** For rows and columns at once. */
export const square = (matrix: Matrix): Matrix =>
  matrix.flatMap(a => matrix.map(b => a.flatMap(x => b.map(y => x * y))))
