/** The generator in the browser: onnxruntime-web on WebGPU when there is one, else WASM; beside the page, which stays live. */
import type * as Ort from 'onnxruntime-web'
import { toPixels } from '../../trainer/to-pixels.js'
import type { FromModel } from './painters.js'

type ToModel =
  | {
      readonly url: string
      readonly bytes: number
      readonly width: number
      readonly height: number
      readonly base: string
    }
  | { readonly ids: Uint8Array }

const say = (message: FromModel): void => postMessage(message)
let paint: ((ids: Uint8Array) => Promise<void>) | undefined

addEventListener('message', async ({ data }: MessageEvent<ToModel>) => {
  try {
    if ('ids' in data) await paint!(data.ids)
    else {
      paint = await open(data)
      say({ ready: true })
    }
  } catch (error) {
    say({ state: `The model failed: ${(error as Error).message}`, bad: true, ...('ids' in data && { failed: true }) })
  }
})

async function open({ url, bytes, width, height, base }: Extract<ToModel, { url: string }>) {
  const runtime = new URL('ort/ort.webgpu.min.mjs', base).href
  const ort = (await import(/* @vite-ignore */ runtime)) as typeof Ort
  ort.env.wasm.wasmPaths = new URL('ort/', base).href
  // threads need a page that is isolated from others, which its server decides
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency) : 1
  const model = await download(url, bytes)
  const { session, device } = await start(ort, model)
  say({ state: `The model is ready (${device})` })
  return async (ids: Uint8Array): Promise<void> => {
    const started = performance.now()
    const { photo } = await session.run({ label: new ort.Tensor('uint8', ids, [1, height, width]) })
    const { data: rgb } = toPixels({ shape: photo!.dims, data: (await photo!.getData()) as Float32Array })
    photo!.dispose()
    say({ width, height, rgb, computeMs: performance.now() - started })
  }
}

async function start(ort: typeof Ort, model: Uint8Array): Promise<{ session: Ort.InferenceSession; device: string }> {
  const adapter = await (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu
    ?.requestAdapter()
    .catch(() => null)
  if (adapter) {
    try {
      return { session: await ort.InferenceSession.create(model, { executionProviders: ['webgpu'] }), device: 'WebGPU' }
    } catch {
      // a GPU that cannot run it is as good as none
    }
  }
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  return { session, device: `WASM, ${ort.env.wasm.numThreads} threads` }
}

async function download(url: string, total: number): Promise<Uint8Array> {
  const answer = await fetch(url)
  if (!answer.ok || !answer.body) throw new Error(`${url}: the server answered ${answer.status}`)
  const bytes = new Uint8Array(total)
  let at = 0
  const reader = answer.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (at + value.length > total) throw new Error('the model is larger than it should be: reload the page')
    bytes.set(value, at)
    at += value.length
    say({ state: `Loading the model: ${Math.round((100 * at) / total)}% of ${(total / 1e6).toFixed(0)} MB` })
  }
  if (at !== total) throw new Error('the model was cut off: reload the page')
  return bytes
}
