/** What made a checkpoint, for whoever wonders later why numbers differ. */
import { createRequire } from 'node:module'

export interface Versions {
  readonly prep: string
  readonly node: string
  /** Absent where it is not installed. */
  readonly onnxruntime?: string
}

const require = createRequire(import.meta.url)
const versionOf = (manifest: string): string => (require(manifest) as { version: string }).version

export function versionsHere(): Versions {
  const made = { prep: versionOf('../../package.json'), node: process.versions.node }
  try {
    return { ...made, onnxruntime: versionOf('onnxruntime-node/package.json') }
  } catch {
    return made
  }
}
