/** The classes of Cityscapes: ids, names and colours as its labels.py defines them. */
import type { ClassEntry } from '../labels/class-table.js'

const ALL: readonly (readonly [id: number, name: string, r: number, g: number, b: number])[] = [
  [0, 'unlabelled', 0, 0, 0],
  [1, 'ego vehicle', 0, 0, 0],
  [2, 'rectification border', 0, 0, 0],
  [3, 'out of roi', 0, 0, 0],
  [4, 'static', 0, 0, 0],
  [5, 'dynamic', 111, 74, 0],
  [6, 'ground', 81, 0, 81],
  [7, 'road', 128, 64, 128],
  [8, 'sidewalk', 244, 35, 232],
  [9, 'parking', 250, 170, 160],
  [10, 'rail track', 230, 150, 140],
  [11, 'building', 70, 70, 70],
  [12, 'wall', 102, 102, 156],
  [13, 'fence', 190, 153, 153],
  [14, 'guard rail', 180, 165, 180],
  [15, 'bridge', 150, 100, 100],
  [16, 'tunnel', 150, 120, 90],
  [17, 'pole', 153, 153, 153],
  [18, 'polegroup', 153, 153, 153],
  [19, 'traffic light', 250, 170, 30],
  [20, 'traffic sign', 220, 220, 0],
  [21, 'vegetation', 107, 142, 35],
  [22, 'terrain', 152, 251, 152],
  [23, 'sky', 70, 130, 180],
  [24, 'person', 220, 20, 60],
  [25, 'rider', 255, 0, 0],
  [26, 'car', 0, 0, 142],
  [27, 'truck', 0, 0, 70],
  [28, 'bus', 0, 60, 100],
  [29, 'caravan', 0, 0, 90],
  [30, 'trailer', 0, 0, 110],
  [31, 'train', 0, 80, 100],
  [32, 'motorcycle', 0, 0, 230],
  [33, 'bicycle', 119, 11, 32],
]

/** Those that are trained and scored; in this order they are the train ids 0..18. */
const TRAINED = new Set([7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33])

export const UNLABELLED = 'unlabelled'

/** @param ids  train: the 19 of the benchmark; all: those of the label files */
export const cityscapesClasses = (ids: 'train' | 'all'): ClassEntry[] =>
  ALL.filter(([id]) => ids === 'all' || TRAINED.has(id)).map(([id, name, ...colour]) => ({ id, name, colour }))
