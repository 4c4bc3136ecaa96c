/**
 * What a program and the processes that it starts hold at most: memory and open files, sampled from /proc. The system's
 * own peak (ru_maxrss) would do for neither: a process inherits it from the one that started it, and it is of one alone.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Looking takes the kernel milliseconds: what is to be timed exactly is not watched. */
const EVERY_MS = 250

export interface Most {
  /** Of all processes together; what several share is shared out among them (Pss). 0 where there is no /proc. */
  memoryMB: number
  /** Of the process that holds most. */
  openFiles: number
}

/** @returns the most so far; call `stop` when the program has ended */
export function watchProcesses(pid: number): Most & { stop(): void } {
  const most = { memoryMB: 0, openFiles: 0, stop: () => clearInterval(timer) }
  const timer = setInterval(() => {
    const pids = [...withChildren(pid)]
    most.memoryMB = Math.max(most.memoryMB, pids.reduce((sum, pid) => sum + memoryKB(pid), 0) / 1000)
    most.openFiles = Math.max(most.openFiles, ...pids.map(countOpenFiles))
  }, EVERY_MS)
  return most
}

function* withChildren(pid: number): Generator<number> {
  yield pid
  for (const task of list(`/proc/${pid}/task`))
    for (const child of read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean))
      yield* withChildren(Number(child))
}

const memoryKB = (pid: number): number => Number(/^Pss: +(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0)

const countOpenFiles = (pid: number): number => list(`/proc/${pid}/fd`).length

/** Processes end while they are looked at; on other systems there is nothing to see. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
