/** A run so small that it trains in seconds: what the tests of painting paint with. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { prep, writePhotos } from '../helpers.js'

/** @returns the run's output */
export async function trainTinyRun(cwd: string): Promise<string> {
  await writePhotos(join(cwd, 'photos'), 10)
  const steps = [
    { stage: 'glob', patterns: ['photos/*.jpg'] },
    { stage: 'resize', size: 32 },
    { stage: 'kmeans', clusters: 4 },
    { stage: 'split', test: 0.3 },
    { stage: 'pack' },
    { stage: 'train', epochs: 2, width: 8, d_width: 8, d_layers: 1, threads: 1, sample_every: 2 },
  ]
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', output: 'out', steps }))
  const { code, stderr } = await prep(['run', 'p.yaml'], { cwd })
  if (code !== 0) throw new Error(stderr)
  return join(cwd, 'out')
}
