/**
 * Where the module of a worker (a process, a thread) is. Node cannot load TypeScript there, so it is always the built file:
 * the address is the same seen from src/workers and from dist/workers.
 *
 * @param file  path inside dist/, e.g. `workers/sample-worker.js`
 */
export const workerEntry = (file: string): URL => new URL(`../../dist/${file}`, import.meta.url)
