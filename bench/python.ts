/** A Python that has certain modules: the peers of benches, the oracles of tests. */
import { spawnSync } from 'node:child_process'

/** @returns the first of PREP_PYTHON, python3 and /usr/bin/python3 that can import the modules */
export function findPython(...modules: string[]): string | undefined {
  const candidates = [process.env.PREP_PYTHON, 'python3', '/usr/bin/python3'].filter(name => name !== undefined)
  return candidates.find(name => spawnSync(name, ['-c', `import ${modules.join(', ')}`]).status === 0)
}
