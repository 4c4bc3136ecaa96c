/** What many tests need: folders that go away, tiny images, the shared data where there is any. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll } from 'vitest'
import { PrepError, PrepErrors } from '../src/errors.js'

export const repoRoot = resolve(fileURLToPath(new URL('..', import.meta.url)))

/** Real photos and goldens beside the repository, or where PREP_SHARED says. */
export const sharedFolder = process.env.PREP_SHARED ?? resolve(repoRoot, '../shared')
export const sharedData = (path: string): string | undefined => {
  const full = join(sharedFolder, 'data', path)
  return existsSync(full) ? full : undefined
}

const folders: string[] = []
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A fresh folder that is removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'prep-test-'))
  folders.push(folder)
  return folder
}

/** A photo of flat vertical bars, losslessly stored, so that colours can be compared exactly. */
export async function writeBars(path: string, colours: readonly string[], size = 16): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  const width = size / colours.length
  const bars = colours.map((colour, i) => `<rect x="${i * width}" width="${width}" height="${size}" fill="${colour}"/>`)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" shape-rendering="crispEdges">${bars.join('')}</svg>`
  await writeFile(path, await sharp(Buffer.from(svg)).removeAlpha().png().toBuffer())
  return path
}

/** Small photos that differ: smooth colours with some texture. */
export async function writePhotos(
  folder: string,
  count: number,
  { size = 64, extension = 'jpg' } = {},
): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const paths: string[] = []
  for (let n = 0; n < count; n++) {
    const hue = (n * 47) % 360
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size * 2}" height="${size}"><defs><linearGradient id="g" y2="1"><stop stop-color="hsl(${hue},60%,75%)"/><stop offset="1" stop-color="hsl(${(hue + 90) % 360},50%,30%)"/></linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/><circle cx="${(n * 13) % size}" cy="${(n * 29) % size}" r="${size / 4}" fill="hsl(${(hue + 180) % 360},70%,45%)"/></svg>`
    const path = join(folder, `photo-${String(n).padStart(3, '0')}.${extension}`)
    const image = sharp(Buffer.from(svg)).removeAlpha()
    await writeFile(path, await (extension === 'png' ? image.png() : image.jpeg({ quality: 90 })).toBuffer())
    paths.push(path)
  }
  return paths
}

/** Every file below a folder with its bytes; folders that start with a dot are left out. */
export async function readTree(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(folder, path)
    if (entry.isFile() && !name.split('/').some(part => part.startsWith('.'))) files.set(name, await readFile(path))
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Codes of what `work` throws, in order. */
export async function errorCodes(work: () => unknown): Promise<string[]> {
  try {
    await work()
  } catch (error) {
    if (error instanceof PrepErrors) return error.errors.map(({ code }) => code)
    if (error instanceof PrepError) return [error.code]
    throw error
  }
  return []
}

/** The code of what `run` throws, if it throws. */
export function errorCode(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof PrepError) return error.code
    throw error
  }
  return undefined
}

/** Events as `--json` prints them, one a line. */
export const parseEvents = <E>(stdout: string): E[] =>
  stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as E)

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Run the built command line. */
export function prep(
  args: readonly string[],
  { cwd = repoRoot, env = {}, input }: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<Finished> {
  return new Promise(done => {
    const options = { cwd, env: { ...process.env, NO_COLOR: '1', CI: 'true', ...env }, maxBuffer: 1 << 28 }
    const child = execFile(
      process.execPath,
      [join(repoRoot, 'bin/prep.cjs'), ...args],
      options,
      (error, stdout, stderr) => done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}
