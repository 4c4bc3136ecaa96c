/**
 * Compiles every `NAME.as.ts` of this folder (AssemblyScript, WASM SIMD) into `NAME.wasm.ts`, a module with the binary
 * as base64. Run by `npm run kernels`; the outputs are committed, and test/kernels.test.ts holds them to their sources.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import asc from 'assemblyscript/asc'

const folder = fileURLToPath(new URL('.', import.meta.url))

export const kernelNames = (): string[] =>
  readdirSync(folder)
    .filter(file => file.endsWith('.as.ts'))
    .map(file => file.slice(0, -'.as.ts'.length))
    .sort()

/** @returns the text of `NAME.wasm.ts` */
export async function compileKernel(name: string): Promise<string> {
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main(
    [`${name}.as.ts`, '--outFile', `${name}.wasm`, '-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert'].concat(
      ['--importMemory'],
    ),
    {
      readFile: (file, base) => {
        try {
          return readFileSync(file.startsWith('/') ? file : `${base === '.' ? folder : base}/${file}`, 'utf8')
        } catch {
          return null
        }
      },
      writeFile: (_file, contents) => {
        binary = contents as Uint8Array
      },
      listFiles: () => [],
    },
  )
  if (error || !binary) throw new Error(`${name}.as.ts: ${stderr.toString()}`)
  const base64 = Buffer.from(binary).toString('base64')
  return `// Compiled from ${name}.as.ts by \`npm run kernels\`.\nexport default '${base64}'\n`
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const name of kernelNames()) writeFileSync(`${folder}/${name}.wasm.ts`, await compileKernel(name))
}
