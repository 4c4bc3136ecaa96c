/** The training step as data. (Under construction: the shape of StepGraph is owned by this file.) */
export interface StepGraph {
  readonly name: string
}
