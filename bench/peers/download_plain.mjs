/** The usual script: so many requests at a time, each body into a file; no checks, no sums, no syncing. Prints seconds. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { Agent, request } from 'undici'

const [list, folder, concurrency] = process.argv.slice(2)
const urls = (await readFile(list, 'utf8')).trim().split('\n')
await mkdir(folder, { recursive: true })
const dispatcher = new Agent()
const began = performance.now()
let next = 0
const lane = async () => {
  while (next < urls.length) {
    const number = next++
    const { body } = await request(urls[number], { dispatcher })
    await writeFile(`${folder}/${number}.jpg`, Buffer.from(await body.arrayBuffer()))
  }
}
await Promise.all(Array.from({ length: Number(concurrency) }, lane))
process.stdout.write(`${(performance.now() - began) / 1000}\n`)
await dispatcher.destroy()
