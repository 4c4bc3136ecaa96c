/** The server behind `prep paint`: the page, what it needs to know, and a socket on which drawings become photos. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { type WebSocket, WebSocketServer } from 'ws'
import { type ErrorCode, PrepError, systemCode } from '../errors.js'
import { MAX_SECONDS } from '../images/decode.js'
import { SPLITS, type Split } from '../sample.js'
import { type Admission, type Asked, addressesOf, cookieName, hostHeader, refusal } from './admission.js'
import type { GeneratorSetup, Painting } from './generator-process.js'
import { HelperProcess } from './helper-process.js'
import type { LabellerSetup, Opened } from './labeller-process.js'
import type { Manifest } from './manifest.js'
import { NewestWins } from './newest-wins.js'
import { PAGE_HEADERS, readPage } from './page-files.js'
import { answerPicture, readRequest } from './picture-message.js'
import type { Studio } from './studio.js'

export interface PaintServerOptions {
  readonly studio: Studio
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly engine: string
  readonly threads?: number | undefined
  /** The generator for pictures made in the browser, and the runtime's files by their paths below `ort/`. */
  readonly browser?: {
    readonly model: Uint8Array<ArrayBuffer>
    readonly runtime: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  }
}

export interface PaintServer {
  /** The links to open, with the token of this start: one for each address of this machine that others reach it by. */
  readonly urls: readonly [string, ...string[]]
  readonly port: number
  close(): Promise<void>
}

/** Photos and label maps that are dropped in. */
const MAX_UPLOAD_BYTES = 64 * 2 ** 20
/** One picture; a large net on a slow machine takes seconds, loading it some more. */
const PICTURE_MS = 180_000

/** @throws {PrepError} `PORT_TAKEN`, `USAGE` for a host that is no address of this machine */
export async function startPaintServer(options: PaintServerOptions): Promise<PaintServer> {
  const { studio, host, engine, threads, browser } = options
  const { checkpoint, colours, state } = studio
  const { width, height } = studio.manifest
  const generator = new HelperProcess<GeneratorSetup, Uint8Array, Painting>(
    'paint/generator-process.js',
    { checkpoint, engine, threads },
    PICTURE_MS,
  )
  const labeller = new HelperProcess<LabellerSetup, Uint8Array, Opened>(
    'paint/labeller-process.js',
    { width, height, colours, palette: state.palette },
    1000 * MAX_SECONDS,
  )
  const painters = new NewestWins((ids: Uint8Array) => generator.ask(ids))
  const page = await readPage()
  const token = randomBytes(18).toString('base64url')
  let admission: Admission = { token, host, port: 0 }

  const app = new Hono()
  app.use(async (context, next) => {
    const refused = refusal(askedOf(context), admission)
    for (const [name, value] of Object.entries(PAGE_HEADERS)) context.header(name, value)
    if (refused) return context.text(`Refused: ${refused}. Open the link that prep paint printed.`, 403)
    await next()
  })
  app.get('/', context => {
    // the token leaves the address bar: what is copied from there is no key
    if (context.req.query('t') === undefined) return file(context, 'index.html')
    // Lax: a shared drawing is a link on some other page
    context.header('Set-Cookie', `${cookieName(admission.port)}=${token}; HttpOnly; SameSite=Lax; Path=/`)
    context.header('Cache-Control', 'no-store')
    return file(context, 'index.html')
  })
  const manifest: Manifest = {
    ...studio.manifest,
    model: browser ? { kind: 'browser', url: 'model.onnx', bytes: browser.model.length } : { kind: 'server' },
  }
  app.get('/paint.json', context => context.json(manifest))
  app.get('/blocks.json', async context => context.json(await studio.blocks()))
  app.get('/maps/:name{(train|val|test)-[0-9]+\\.ids}', async context => {
    const { name } = context.req.param()
    const url = `maps/${name}`
    if (!studio.manifest.maps.some(map => map.url === url)) return context.notFound()
    const [split, row] = name.replace('.ids', '').split('-') as [Split, string]
    return bytes(context, await studio.readMap(SPLITS.find(one => one === split)!, Number(row)))
  })
  app.post('/open', bodyLimit({ maxSize: MAX_UPLOAD_BYTES, onError: tooLarge }), async context => {
    const upload = new Uint8Array(await context.req.arrayBuffer())
    const { ids, from } = await labeller.ask(upload)
    context.header('X-Prep-From', from)
    return bytes(context, ids)
  })
  if (browser) {
    app.get('/model.onnx', context => bytes(context, browser.model))
    app.get('/ort/:name', context => {
      const runtime = browser.runtime.get(context.req.param('name'))
      if (!runtime) return context.notFound()
      return bytes(
        context,
        runtime,
        context.req.param('name').endsWith('.wasm') ? 'application/wasm' : 'text/javascript',
      )
    })
  }
  app.get('/*', context => file(context, context.req.path.slice(1)))
  app.onError((error, context) => context.json(describe(error), error instanceof PrepError ? 422 : 500))

  function file(context: Context, path: string): Response | Promise<Response> {
    const found = page.get(path)
    return found ? bytes(context, found.bytes, found.type) : context.notFound()
  }

  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 4 + width * height, perMessageDeflate: false })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    // browsers always say which page opens a socket
    const refused = refusal(askedBy(request), admission) ?? (request.headers.origin ? undefined : 'no origin')
    if (refused || request.url?.split('?')[0] !== '/pictures') {
      const status = refused ? '403 Forbidden' : '404 Not Found'
      // without an end by us, a client that never closes its side would keep the socket
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy())
      return
    }
    sockets.handleUpgrade(request, socket, head, painter => serve(painter))
  })

  function serve(painter: WebSocket): void {
    painter.on('error', () => painter.terminate())
    painter.on('close', () => painters.leave(painter))
    painter.on('message', async (data, isBinary) => {
      const asked = performance.now()
      const request = readRequest(data as Buffer, isBinary, { width, height, classes: colours.length })
      if ('problem' in request) return painter.send(JSON.stringify(request))
      const { number, ids } = request
      try {
        const outcome = await painters.ask(painter, ids)
        if (painter.readyState !== painter.OPEN) return
        if (outcome.replaced) painter.send(JSON.stringify({ number, replaced: true }))
        else painter.send(answerPicture(number, outcome.reply, performance.now() - asked))
      } catch (error) {
        if (painter.readyState === painter.OPEN) painter.send(JSON.stringify({ number, ...describe(error as Error) }))
      }
    })
  }

  const port = await listen(server, options)
  admission = { token, host, port }
  const [address = 'localhost', ...others] = addressesOf(host)
  const link = (address: string): string => `http://${hostHeader(address, port)}/?t=${token}`
  return {
    port,
    urls: [link(address), ...others.map(link)],
    async close() {
      for (const painter of sockets.clients) painter.terminate()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await Promise.all([generator.close(), labeller.close()])
    },
  }
}

const bytes = (context: Context, body: Uint8Array, type = 'application/octet-stream'): Response =>
  context.body(body as Uint8Array<ArrayBuffer>, 200, { 'Content-Type': type, 'Cache-Control': 'no-cache' })

const tooLarge = (context: Context): Response =>
  context.json(
    {
      problem: `The file is larger than ${MAX_UPLOAD_BYTES / 2 ** 20} MB.`,
      code: 'TOO_LARGE',
      hint: 'make it smaller first',
    },
    413,
  )

const describe = (error: Error): { problem: string; code: string; hint?: string | undefined } =>
  error instanceof PrepError
    ? { problem: error.message, code: error.code, hint: error.hint }
    : { problem: error.message, code: 'BUG' }

const askedOf = ({ req }: Context): Asked => ({
  host: req.header('host'),
  origin: req.header('origin'),
  fetchSite: req.path === '/' && req.method === 'GET' ? undefined : req.header('sec-fetch-site'),
  cookie: req.header('cookie'),
  token: req.path === '/' ? req.query('t') : undefined,
})

const askedBy = ({ headers }: IncomingMessage): Asked => ({
  host: headers.host,
  origin: headers.origin,
  fetchSite: headers['sec-fetch-site'] as string | undefined,
  cookie: headers.cookie,
})

const PORT_HINT = 'choose another port with --port, or --port 0 for any that is free'
const NO_ADDRESS = [
  'USAGE',
  'this machine has no such address',
  'give --host an address of this machine, or 0.0.0.0 for all of them',
] as const
/** What errors of the system mean, and what helps. */
const NOT_LISTENING: Readonly<Record<string, readonly [code: ErrorCode, why: string, hint: string]>> = {
  EADDRINUSE: ['PORT_TAKEN', 'another program listens there', PORT_HINT],
  EACCES: ['PORT_TAKEN', 'the system does not allow it', PORT_HINT],
  EADDRNOTAVAIL: NO_ADDRESS,
  EINVAL: NO_ADDRESS,
  ENOTFOUND: NO_ADDRESS,
  EAI_AGAIN: NO_ADDRESS,
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      const reason = NOT_LISTENING[systemCode(error) ?? '']
      if (!reason) return reject(error)
      const [code, why, hint] = reason
      reject(new PrepError(code, `cannot listen at ${host}:${port}: ${why}`, { hint, cause: error }))
    })
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}
