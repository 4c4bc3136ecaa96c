/**
 * Where a worker thread's module is. Node cannot load TypeScript in a thread, so threads always run the built file:
 * the address is the same seen from src/workers and from dist/workers.
 *
 * @param file  path inside dist/, e.g. `workers/sample-worker.js`
 */
export const workerEntry = (file: string): URL => new URL(`../../dist/${file}`, import.meta.url)
