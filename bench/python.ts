/** A Python that has a module: the peers of benches and tests. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** @returns the first of PREP_PYTHON, python3 and /usr/bin/python3 that can import `module` */
export async function findPython(module: string): Promise<string | undefined> {
  for (const python of [process.env.PREP_PYTHON, 'python3', '/usr/bin/python3']) {
    if (!python) continue
    const found = await promisify(execFile)(python, ['-c', `import ${module}`]).then(
      () => true,
      () => false,
    )
    if (found) return python
  }
  return undefined
}
