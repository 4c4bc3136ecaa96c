/** The built page: every file of it by its path, read once, so that no path of a request ever reaches the file system. */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileError } from '../errors.js'

export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
  wasm: 'application/wasm',
}

export const typeOf = (path: string): string => TYPES[path.split('.').at(-1)!] ?? 'application/octet-stream'

/** Vite builds it here; the address is the same seen from src and from dist. */
const PAGE = fileURLToPath(new URL('../../dist/paint/web/', import.meta.url))

/** @returns files by paths such as `index.html` and `assets/main.js` */
export async function readPage(): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(PAGE, { recursive: true, withFileTypes: true }).catch(error => {
    throw fileError(error, PAGE, 'open the page of prep paint')
  })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return new Map(
    await Promise.all(
      files.map(async file => {
        const path = relative(PAGE, file).split(sep).join('/')
        return [path, { type: typeOf(path), bytes: new Uint8Array(await readFile(file)) }] as const
      }),
    ),
  )
}

/** Nothing from elsewhere is loaded or sent; WASM and workers are for pictures made in the browser. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}
