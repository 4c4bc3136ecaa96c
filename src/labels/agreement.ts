/** How well label maps agree with the true ones, counted over any number of them. */

export class Agreement {
  /** Pixels by true class and class found. */
  private readonly counts: Float64Array

  /** @param classes  ids are below this; true ids that are not (255: no label) do not count */
  constructor(private readonly classes: number) {
    this.counts = new Float64Array(classes * classes)
  }

  /** Count a label map. @param found  as many ids as `truth` has */
  add(truth: Uint8Array, found: Uint8Array): void {
    const { classes, counts } = this
    for (let i = 0; i < truth.length; i++) if (truth[i]! < classes) counts[truth[i]! * classes + found[i]!]!++
  }

  /** Share of the pixels whose class was found, 0..1. */
  get pixelAccuracy(): number {
    const { classes, counts } = this
    let right = 0
    for (let id = 0; id < classes; id++) right += counts[id * classes + id]!
    return right / counts.reduce((sum, count) => sum + count, 0)
  }

  /** Mean over the classes that occur, truly or by mistake, of intersection over union, 0..1. */
  get meanIou(): number {
    const { classes, counts } = this
    const ious: number[] = []
    for (let id = 0; id < classes; id++) {
      let [truly, found] = [0, 0]
      for (let other = 0; other < classes; other++) {
        truly += counts[id * classes + other]!
        found += counts[other * classes + id]!
      }
      const both = counts[id * classes + id]!
      if (truly + found > 0) ious.push(both / (truly + found - both))
    }
    return ious.reduce((sum, iou) => sum + iou, 0) / ious.length
  }
}
