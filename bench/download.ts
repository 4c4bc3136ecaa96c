/** Many small photos from a local server, through the command line, against a plain loop of requests. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { BenchRow } from './row.js'
import { watchProcesses } from './watch.js'

const run = promisify(execFile)
const root = resolve(fileURLToPath(new URL('..', import.meta.url)))

/** 200000 is the whole. */
const URLS = Number(process.env.PREP_BENCH_URLS ?? 20_000)
/** The peer needs no more for a steady rate. */
const PEER_URLS = Math.min(URLS, 20_000)
const CONCURRENCY = 64
const MEMORY_BOUND_MB = 1200

export async function benchDownload(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'prep-bench-'))
  const server = spawn(process.execPath, [join(root, 'bench/download-server.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer]
    const origin = `http://127.0.0.1:${String(port).trim()}`
    const urls = Array.from({ length: URLS }, (_, n) => `${origin}/photos/${String(n).padStart(7, '0')}.jpg`)
    await writeFile(join(folder, 'urls.txt'), `${urls.join('\n')}\n`)
    await writeFile(join(folder, 'peer.txt'), `${urls.slice(0, PEER_URLS).join('\n')}\n`)
    const step = {
      stage: 'download',
      urls: join(folder, 'urls.txt'),
      allow_private: true,
      concurrency: CONCURRENCY,
      host: { rate: 0, concurrency: CONCURRENCY },
    }
    await writeFile(join(folder, 'bench.yaml'), JSON.stringify({ output: join(folder, 'run'), steps: [step] }))
    const peers = [await plainLoop(folder)]
    const first = await runOnce(folder)
    peers.push(await plainLoop(folder))
    const again = await runOnce(folder)
    const attempts = (await readFile(join(folder, 'run/downloads.jsonl'), 'utf8')).trim().split('\n')
    if (attempts.length !== URLS) throw new Error(`${attempts.length} attempts for ${URLS} URLs`)
    const { rate, mbPerSecond, steadiness } = rates(attempts)
    const peer = PEER_URLS / Math.min(...peers)
    return [
      {
        name: `${URLS} photos of 4 kB`,
        ours: rate,
        peer,
        ratio: rate / peer,
        unit: 'img/s (peer: undici and writeFile alone)',
      },
      { name: 'the same in bytes', ours: mbPerSecond, peer: Number.NaN, ratio: Number.NaN, unit: 'MB/s' },
      { name: 'last quarter against first', ours: steadiness, peer: 1, ratio: steadiness, unit: 'rate (peer: steady)' },
      {
        name: 'peak memory',
        ours: first.peakMB,
        peer: MEMORY_BOUND_MB,
        ratio: first.peakMB / MEMORY_BOUND_MB,
        unit: 'MB (peer: the bound)',
      },
      {
        name: 'most open files',
        ours: first.files,
        peer: 1024,
        ratio: first.files / 1024,
        unit: 'files and sockets (peer: the usual limit)',
      },
      {
        name: 'whole run, then a rerun that fetches nothing',
        ours: again.seconds,
        peer: first.seconds,
        ratio: again.seconds / first.seconds,
        unit: 's (peer: the first run)',
        note: `rerun peak ${again.peakMB.toFixed(0)} MB`,
      },
    ]
  } finally {
    server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

async function plainLoop(folder: string): Promise<number> {
  const words = [join(folder, 'peer.txt'), join(folder, 'peer'), String(CONCURRENCY)]
  const { stdout } = await run(process.execPath, [join(root, 'bench/peers/download_plain.mjs'), ...words])
  await rm(join(folder, 'peer'), { recursive: true })
  return Number(stdout)
}

/** Run the command line and watch its process. */
async function runOnce(folder: string): Promise<{ seconds: number; peakMB: number; files: number }> {
  const words = [join(root, 'bin/prep.cjs'), 'run', join(folder, 'bench.yaml')]
  const began = performance.now()
  const child = spawn(process.execPath, [...words, '--quiet'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const most = watchProcesses(child.pid!)
  const [code] = (await once(child, 'close')) as [number]
  most.stop()
  if (code !== 0) throw new Error(`prep run ended with ${code}`)
  return { seconds: (performance.now() - began) / 1000, peakMB: most.memoryMB, files: most.openFiles }
}

function rates(lines: readonly string[]): { rate: number; mbPerSecond: number; steadiness: number } {
  const attempts = lines.map(line => JSON.parse(line) as { at: string; bytes: number })
  const at = attempts.map(attempt => Date.parse(attempt.at) / 1000)
  const rateOf = (from: number, to: number): number => (to - from) / (at[to]! - at[from]!)
  const last = at.length - 1
  const quarter = Math.floor(last / 4)
  const rate = rateOf(0, last)
  const bytes = attempts.reduce((sum, attempt) => sum + attempt.bytes, 0) / attempts.length
  return {
    rate,
    mbPerSecond: (rate * bytes) / 1e6,
    steadiness: rateOf(last - quarter, last) / rateOf(0, quarter),
  }
}
