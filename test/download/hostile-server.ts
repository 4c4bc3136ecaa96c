/** A server that does what servers on the internet do: each path is one way of going wrong. Loopback only. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { SELF_SIGNED } from './self-signed.js'

export interface Asked {
  readonly path: string
  readonly range: string | undefined
  readonly headers: IncomingMessage['headers']
}

export interface HostileServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly port: number
  /** `https://127.0.0.1:PORT`, self-signed. */
  readonly secure: string
  /** Every request for a file, in order; those for robots.txt apart. */
  readonly asked: Asked[]
  readonly robotsAsked: string[]
  robots: { status: number; text: string }
  count(path: string): number
  close(): Promise<void>
}

/** A photo that differs for each number. */
export function photo(n: number, size = 48): Promise<Buffer> {
  const background = { r: (n * 37) % 256, g: (n * 91) % 256, b: (n >> 8) % 256 }
  return sharp({ create: { width: size, height: size, channels: 3, background } })
    .composite([{ input: { create: { width: 8, height: 8 + (n % 8), channels: 3, background: '#fff' } } }])
    .jpeg()
    .toBuffer()
}

/** A photo of noise, of about so many bytes; the same each time. */
export async function largePhoto(bytes: number): Promise<Buffer> {
  const side = Math.ceil(Math.sqrt(bytes / 3))
  const data = Buffer.alloc(side * side * 3)
  let state = 12345
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = state >>> 24
  }
  return sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer()
}

export async function startHostileServer(): Promise<HostileServer> {
  const small = await photo(1)
  const large = await largePhoto(3_000_000)
  const bomb = gzipSync(Buffer.concat([small, Buffer.alloc(200e6)]), { level: 1 })
  const counts = new Map<string, number>()
  const asked: Asked[] = []
  const robotsAsked: string[] = []
  const timers = new Set<NodeJS.Timeout>()
  const settings = { robots: { status: 404, text: '' } }

  const every = (ms: number, response: ServerResponse, act: () => void): void => {
    const timer = setInterval(act, ms)
    timers.add(timer)
    response.on('close', () => {
      clearInterval(timer)
      timers.delete(timer)
    })
  }
  const send = (response: ServerResponse, body: Uint8Array, headers: Record<string, string> = {}): void => {
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': String(body.length), ...headers })
    response.end(body)
  }
  const redirect = (response: ServerResponse, location: string): void => {
    response.writeHead(302, { location })
    response.end()
  }
  /** Send the first half, then break the connection. */
  const cut = (response: ServerResponse, body: Uint8Array, headers: Record<string, string> = {}): void => {
    response.writeHead(200, { 'content-length': String(body.length), ...headers })
    response.write(body.subarray(0, body.length >> 1), () => setTimeout(() => response.destroy(), 30))
  }
  const sendRest = (request: IncomingMessage, response: ServerResponse, body: Uint8Array, etag: string): void => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1])
    if (request.headers.range === undefined || request.headers['if-range'] !== etag) {
      send(response, body, { etag })
      return
    }
    const rest = body.subarray(start)
    response.writeHead(206, {
      etag,
      'content-length': String(rest.length),
      'content-range': `bytes ${start}-${body.length - 1}/${body.length}`,
    })
    response.end(rest)
  }

  const routes: Record<string, (request: IncomingMessage, response: ServerResponse, visit: number) => void> = {
    '/slow-loris': (_, response) => {
      response.writeHead(200, { 'content-length': String(small.length) })
      let sent = 0
      every(40, response, () => response.write(small.subarray(sent, ++sent)))
    },
    '/silent': () => {},
    '/endless': (_, response) => {
      response.writeHead(200)
      response.write(small)
      every(1, response, () => {
        if (response.writableLength < 1e6) response.write(Buffer.alloc(200_000, 1))
      })
    },
    '/endless-drip': (_, response) => {
      response.writeHead(200)
      response.write(small)
      every(20, response, () => response.write(Buffer.alloc(2000, 1)))
    },
    '/announces-too-much': (_, response) => {
      response.writeHead(200, { 'content-length': '10000000000' })
      response.write(small)
    },
    '/length-too-long': (_, response) => {
      response.writeHead(200, { 'content-length': String(small.length + 100) })
      response.write(small, () => setTimeout(() => response.destroy(), 30))
    },
    '/cut/range': (request, response, visit) =>
      visit === 1 ? cut(response, large, { etag: '"v1"' }) : sendRest(request, response, large, '"v1"'),
    '/cut/no-range': (_, response, visit) =>
      visit === 1 ? cut(response, large, { etag: '"v1"' }) : send(response, large, { etag: '"v1"' }),
    '/cut/no-validator': (_, response, visit) => (visit === 1 ? cut(response, large) : send(response, large)),
    '/cut/changed': (request, response, visit) =>
      visit === 1 ? cut(response, large, { etag: '"v1"' }) : sendRest(request, response, small, '"v2"'),
    '/cut/wrong-range': (request, response, visit) => {
      if (visit === 1) return cut(response, large, { etag: '"v1"' })
      if (!request.headers.range) return send(response, large)
      response.writeHead(206, { 'content-range': `bytes 7-${large.length - 1}/${large.length}`, etag: '"v1"' })
      response.end(large.subarray(7))
    },
    '/cut/chunked': (request, response, visit) => {
      if (visit > 1) return sendRest(request, response, large, '"v1"')
      response.writeHead(200, { etag: '"v1"' })
      response.write(large.subarray(0, large.length >> 1), () => setTimeout(() => response.destroy(), 30))
    },
    '/cut/forever': (_, response) => cut(response, large),
    '/gzip': (_, response) => send(response, gzipSync(small), { 'content-encoding': 'gzip' }),
    '/gzip-bomb': (_, response) => send(response, bomb, { 'content-encoding': 'gzip' }),
    '/gzip-torn': (_, response) =>
      send(response, Buffer.concat([gzipSync(small).subarray(0, 60), Buffer.alloc(99, 7)]), {
        'content-encoding': 'gzip',
      }),
    '/loop': (_, response) => redirect(response, '/loop'),
    '/loop/a': (_, response) => redirect(response, '/loop/b'),
    '/loop/b': (_, response) => redirect(response, '/loop/a'),
    '/hop/3': (_, response) => redirect(response, '/hop/2'),
    '/hop/2': (_, response) => redirect(response, 'hop-1'),
    '/hop/hop-1': (_, response) => redirect(response, '/photo/7.jpg'),
    '/to-loopback': (_, response) => redirect(response, `http://127.0.0.2:${port}/photo/1.jpg`),
    '/to-metadata': (_, response) => redirect(response, 'http://169.254.169.254/latest/meta-data'),
    '/to-mapped': (_, response) => redirect(response, `http://[::ffff:10.0.0.1]/a.jpg`),
    '/to-file': (_, response) => redirect(response, 'file:///etc/passwd'),
    '/to-nowhere': (_, response) => {
      response.writeHead(302)
      response.end()
    },
    '/busy': (_, response, visit) => {
      if (visit > 1) return send(response, small)
      response.writeHead(429, { 'retry-after': '1' })
      response.end()
    },
    '/busy-until': (_, response, visit) => {
      if (visit > 1) return send(response, small)
      response.writeHead(503, { 'retry-after': new Date(Date.now() + 1000).toUTCString() })
      response.end()
    },
    '/busy-forever': (_, response) => {
      response.writeHead(429)
      response.end()
    },
    '/flapping': (_, response, visit) => {
      if (visit > 2) return send(response, small)
      response.writeHead(visit === 1 ? 503 : 500)
      response.end('trouble')
    },
    '/down': (_, response) => {
      response.writeHead(500)
      response.end()
    },
    '/gone': (_, response) => {
      response.writeHead(404, { 'content-type': 'image/jpeg' })
      response.end('x'.repeat(100_000))
    },
    '/html': (_, response) =>
      send(response, Buffer.from(`<!DOCTYPE html><html>${' '.repeat(5000)}`), { 'content-type': 'image/jpeg' }),
    '/empty': (_, response) => send(response, Buffer.alloc(0)),
    '/no-content': (_, response) => {
      response.writeHead(204)
      response.end()
    },
    '/heic': (_, response) => send(response, Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')),
    '/huge-header': (_, response) => {
      response.writeHead(200, { 'x-large': 'x'.repeat(200_000) })
      response.end(small)
    },
    '/many-headers': (_, response) => {
      for (let n = 0; n < 1900; n++) response.setHeader(`x-${n}`, 'x'.repeat(30))
      response.writeHead(200)
      response.end(small)
    },
    '/garbage': ({ socket }) => void socket.end('SSH-2.0-OpenSSH_9.6\r\n\r\n'),
    '/reset': ({ socket }) => void socket.resetAndDestroy(),
    '/odd-status': (_, response) => {
      response.writeHead(300)
      response.end()
    },
    '/noai': (_, response) => send(response, small, { 'x-robots-tag': 'noai, noimageai' }),
    '/noindex-for-others': (_, response) => send(response, small, { 'x-robots-tag': 'otherbot: noindex' }),
  }

  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? ''
    if (path === '/robots.txt') {
      robotsAsked.push(request.headers.host ?? '')
      response.writeHead(settings.robots.status, { 'content-type': 'text/plain' })
      response.end(settings.robots.text)
      return
    }
    const visit = (counts.get(path) ?? 0) + 1
    counts.set(path, visit)
    asked.push({ path, range: request.headers.range, headers: request.headers })
    const route = routes[path]
    if (route) return route(request, response, visit)
    const n = Number(/^\/(?:photo|private)\/(\d+)\.jpg$/.exec(path)?.[1])
    const etag = `"photo-${n}"`
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, { etag })
      response.end()
    } else send(response, await photo(n), { etag })
  }

  const server = createServer((request, response) => void onRequest(request, response))
  const tls = createTlsServer(SELF_SIGNED, (request, response) => void onRequest(request, response))
  await Promise.all([server, tls].map(one => new Promise<void>(ready => one.listen(0, '127.0.0.1', ready))))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    secure: `https://127.0.0.1:${(tls.address() as AddressInfo).port}`,
    asked,
    robotsAsked,
    get robots() {
      return settings.robots
    },
    set robots(robots) {
      settings.robots = robots
    },
    count: path => counts.get(path) ?? 0,
    async close() {
      for (const timer of timers) clearInterval(timer)
      for (const one of [server, tls]) {
        one.closeAllConnections()
        await new Promise(done => one.close(done))
      }
    },
  }
}
