/** What pictures made in the browser need: the generator as ONNX, and onnxruntime-web's files, which come from npm. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { generatorOnnx } from '../trainer/generator-onnx.js'

/** Of the runtime's 139 MB: the build with WebGPU and WASM. */
const RUNTIME_FILES = [
  'ort.webgpu.min.mjs',
  'ort-wasm-simd-threaded.asyncify.mjs',
  'ort-wasm-simd-threaded.asyncify.wasm',
] as const

export interface BrowserModel {
  readonly model: Uint8Array<ArrayBuffer>
  /** By their names. */
  readonly runtime: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
}

/** @throws {PrepError} `ENGINE_UNAVAILABLE` without onnxruntime-web; as `generatorOnnx` does */
export async function browserModel(checkpoint: string): Promise<BrowserModel> {
  const folder = runtimeFolder()
  const runtime = new Map<string, Uint8Array<ArrayBuffer>>()
  for (const name of RUNTIME_FILES) runtime.set(name, new Uint8Array(await readFile(join(folder, name))))
  return { model: new Uint8Array(await generatorOnnx(checkpoint)), runtime }
}

function runtimeFolder(): string {
  try {
    return join(createRequire(import.meta.url).resolve('onnxruntime-web/webgpu'), '..')
  } catch (cause) {
    throw new PrepError(
      'ENGINE_UNAVAILABLE',
      'onnxruntime-web, which runs the model in the browser, is not installed',
      {
        hint: 'npm install onnxruntime-web@1.30.0 beside prep',
        cause,
      },
    )
  }
}
