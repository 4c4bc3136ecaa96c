import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { chooseCheckpoint } from '../../src/cli/choose-checkpoint.js'
import { refusal } from '../../src/paint/admission.js'
import type { BlockRecord, Manifest } from '../../src/paint/manifest.js'
import { readPicture } from '../../src/paint/picture-message.js'
import { type PaintServer, startPaintServer } from '../../src/paint/server.js'
import { openStudio, type Studio } from '../../src/paint/studio.js'
import { errorCodes, prep, temporaryFolder } from '../helpers.js'
import { trainTinyRun } from './trained-run.js'

const cwd = temporaryFolder()
let checkpoint: string
let studio: Studio
let server: PaintServer
let cookie: string
let base: string

beforeAll(async () => {
  checkpoint = await chooseCheckpoint(await trainTinyRun(cwd))
  studio = await openStudio(checkpoint)
  server = await startPaintServer({ studio, host: '127.0.0.1', port: 0, engine: 'auto', threads: 1 })
  base = `http://127.0.0.1:${server.port}`
  cookie = (await fetch(server.urls[0])).headers.get('set-cookie')!.split(';')[0]!
})
afterAll(async () => {
  await server?.close()
  await studio?.close()
})

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${base}${path}`, { headers: { cookie, ...headers } })
const post = (body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${base}/open`, { method: 'POST', body, headers: { cookie, ...headers } })

/** fetch would set the Host header itself. */
const statusWith = (headers: Record<string, string>, path = '/paint.json'): Promise<number> =>
  new Promise((resolve, reject) => {
    const asked = request({ port: server.port, host: '127.0.0.1', path, headers }, answer => {
      answer.resume()
      resolve(answer.statusCode!)
    })
    asked.on('error', reject).end()
  })

function connect(headers: Record<string, string> = { cookie, origin: base }): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/pictures`, { headers })
  return new Promise((resolve, reject) => socket.once('open', () => resolve(socket)).once('error', reject))
}
function drawing(number: number, id: number): Buffer {
  const message = Buffer.alloc(4 + 32 * 32, id)
  message.writeUInt32LE(number)
  return message
}
type Heard = ReturnType<typeof readPicture> | Record<string, unknown>
const hear = (socket: WebSocket): Promise<Heard> =>
  new Promise(resolve =>
    socket.once('message', (data: Buffer, isBinary) =>
      resolve(isBinary ? readPicture(new Uint8Array(data).buffer) : JSON.parse(data.toString())),
    ),
  )

describe('the page and what it reads', () => {
  test('the page with its files, under a policy that lets nothing else in', async () => {
    const page = await get('/')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const [script] = /assets\/[\w-]+\.js/.exec(await page.text())!
    expect((await get(`/${script}`)).headers.get('content-type')).toContain('javascript')
  })

  test('the model: classes, sizes and label maps whose ids it has', async () => {
    const manifest = (await (await get('/paint.json')).json()) as Manifest
    expect(manifest).toMatchObject({
      width: 32,
      height: 32,
      photos: true,
      model: { kind: 'server' },
      trained: 'epoch 2',
    })
    expect(manifest.classes).toHaveLength(4)
    expect(manifest.classes[0]!.display).toMatch(/^#[0-9a-f]{6}$/)
    const ids = new Uint8Array(await (await get(`/${manifest.maps[0]!.url}`)).arrayBuffer())
    expect(ids).toHaveLength(32 * 32)
    expect(Math.max(...ids)).toBeLessThan(4)
  })

  test('blocks out of the training labels', async () => {
    const blocks = (await (await get('/blocks.json')).json()) as BlockRecord[]
    expect(blocks.length).toBeGreaterThan(0)
    for (const { id, width, height, runs } of blocks) {
      expect(id).toBeLessThan(4)
      expect(runs.reduce((sum, run) => sum + run, 0)).toBe(width * height)
    }
  })

  test('no path leads to the file system, and maps are those of the list', async () => {
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/assets/..%2f..%2fserver.js',
      '/maps/train-9999.ids',
    ])
      expect(await statusWith({ cookie, host: `127.0.0.1:${server.port}` }, path)).toBe(404)
  })
})

describe('who is let in', () => {
  test('nobody without the token, nor with another', async () => {
    expect((await fetch(`${base}/paint.json`)).status).toBe(403)
    expect((await fetch(`${base}/`)).status).toBe(403)
    expect((await fetch(`${base}/?t=guess`)).status).toBe(403)
    expect((await get('/paint.json', { cookie: cookie.replace(/=.*/, '=guess') })).status).toBe(403)
  })

  test('no other host name: a name that was rebound to loopback', async () => {
    expect(await statusWith({ cookie, host: `127.0.0.1:${server.port}` })).toBe(200)
    expect(await statusWith({ cookie, host: `localhost:${server.port}` })).toBe(200)
    expect(await statusWith({ cookie, host: `evil.example:${server.port}` })).toBe(403)
    expect(await statusWith({ cookie, host: '127.0.0.1:1' })).toBe(403)
  })

  test('no page of another origin, neither over HTTP nor over the socket', async () => {
    expect((await get('/paint.json', { origin: 'http://evil.example' })).status).toBe(403)
    expect((await get('/paint.json', { origin: 'null' })).status).toBe(403)
    expect((await post('x', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    await expect(connect({ cookie, origin: 'http://evil.example' })).rejects.toThrow('403')
    await expect(connect({ cookie })).rejects.toThrow('403')
    await expect(connect({ origin: base })).rejects.toThrow('403')
  })

  test('a link to a drawing on another page opens it for whoever has the cookie, and for nobody else', async () => {
    const clicked = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    expect((await get('/', clicked)).status).toBe(200)
    expect((await fetch(`${base}/`, { headers: clicked })).status).toBe(403)
    expect((await get('/paint.json', clicked)).status).toBe(403)
    expect((await fetch(server.urls[0])).headers.get('set-cookie')).toContain('SameSite=Lax')
  })

  test.each(['//', 'http://[', '*', '/pictures'])(
    'an upgrade of %s by a stranger is refused, and harms nobody',
    async path => {
      const socket = createConnection(server.port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
      const answer = await text(socket)
      expect(answer).toMatch(/^HTTP\/1.1 40[03]/)
      expect((await get('/paint.json')).status).toBe(200)
    },
  )

  test.each([
    ['127.0.0.1', 7717, 'LOCALHOST:7717', 'localhost:7717'],
    ['127.0.0.2', 7717, '127.0.0.2:7717', '127.0.0.2:7717'],
    ['127.0.0.1', 80, '127.0.0.1', '127.0.0.1'],
    ['::1', 80, '[::1]:80', '[::1]:80'],
    ['Tablet.Local', 7717, 'tablet.local:7717', 'tablet.local:7717'],
    ['0:0::1', 7717, '[::1]:7717', '[::1]:7717'],
  ])('what listens at %s:%i is asked as %s', (host, port, header, origin) => {
    const asked = {
      host: header,
      origin: `http://${origin}`,
      fetchSite: 'same-origin',
      cookie: `prep-paint-${port}=key`,
    }
    expect(refusal(asked, { token: 'key', host, port })).toBeUndefined()
    expect(refusal({ ...asked, host: 'evil.example' }, { token: 'key', host, port })).toBe('another host name')
  })

  test.each(['0.0.0.0', '::', '127.0.0.2'])('the links printed for --host %s open the page', async host => {
    const open = await startPaintServer({ studio, host, port: 0, engine: 'auto', threads: 1 })
    try {
      for (const url of open.urls) {
        expect(url).not.toContain(host === '127.0.0.2' ? '0.0.0.0' : host === '::' ? '[::]' : host)
        expect((await fetch(url)).status).toBe(200)
      }
    } finally {
      await open.close()
    }
  })
})

describe('drawings become pictures', () => {
  test('the same drawing gives the same picture, another one another', async () => {
    const socket = await connect()
    const paint = async (number: number, id: number) => {
      socket.send(drawing(number, id))
      return (await hear(socket)) as ReturnType<typeof readPicture>
    }
    const [first, again, other] = [await paint(1, 0), await paint(2, 0), await paint(3, 2)]
    expect(first).toMatchObject({ number: 1, width: 32, height: 32 })
    expect(first.rgb).toHaveLength(3 * 32 * 32)
    expect(again.rgb).toEqual(first.rgb)
    expect(other.rgb).not.toEqual(first.rgb)
    expect(first.serverMs).toBeGreaterThanOrEqual(first.computeMs)
    socket.close()
  })

  test('newest wins: of many at once the last is painted, and every one is answered', async () => {
    const socket = await connect()
    const numbers = new Map<number, boolean>()
    const all = new Promise<void>(resolve =>
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) numbers.set(data.readUInt32LE(0), true)
        else numbers.set(JSON.parse(data.toString()).number, false)
        if (numbers.size === 20) resolve()
      }),
    )
    for (let number = 0; number < 20; number++) socket.send(drawing(number, number % 4))
    await all
    expect(numbers.get(19)).toBe(true)
    expect([...numbers.values()].filter(painted => !painted).length).toBeGreaterThan(0)
    socket.close()
  })

  test('eight painters at once: nothing is lost or mixed up', async () => {
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connect()))
    const pictures = await Promise.all(
      sockets.map(async (socket, i) => {
        socket.send(drawing(100 + i, i % 4))
        return (await hear(socket)) as ReturnType<typeof readPicture>
      }),
    )
    pictures.forEach(({ number, rgb }, i) => {
      expect(number).toBe(100 + i)
      expect(rgb).toEqual(pictures[i % 4]!.rgb)
    })
    for (const socket of sockets) socket.close()
  })

  test('bad requests are told so, and the next good one is painted; one that vanishes harms nobody', async () => {
    const gone = await connect()
    gone.send(drawing(1, 1))
    gone.terminate()
    const socket = await connect()
    for (const bad of [Buffer.alloc(7), 'text', drawing(5, 200)]) {
      socket.send(bad)
      expect(await hear(socket)).toMatchObject({ code: 'USAGE' })
    }
    socket.send(drawing(6, 1))
    expect(await hear(socket)).toMatchObject({ number: 6 })
    socket.close()
  })
})

describe('files that are dropped in', () => {
  test('a photo is labelled by the palette, a label map gives its ids', async () => {
    const photo = await post(new Uint8Array(await readFile(join(cwd, 'photos/photo-000.jpg'))))
    expect(photo.headers.get('x-prep-from')).toBe('photo')
    const ids = new Uint8Array(await photo.arrayBuffer())
    expect(ids).toHaveLength(32 * 32)
    expect(new Set(ids).size).toBeGreaterThan(1)
    const map = await post(new Uint8Array(await readFile(join(cwd, 'out/labels/photo-000.png'))))
    expect(map.headers.get('x-prep-from')).toBe('label map')
    const stored = new Uint8Array(await map.arrayBuffer())
    // the photo was labelled at its size in the data set, here it is scaled down anew
    expect(stored.filter((id, i) => id === ids[i]).length / ids.length).toBeGreaterThan(0.9)
  })

  test('a PNG in the colours of the classes is a label map; ids that no class has are told', async () => {
    const png = async (data: Uint8Array, channels: 1 | 3) =>
      new Uint8Array(
        await sharp(data, { raw: { width: 48, height: 32, channels } })
          .png()
          .toBuffer(),
      )
    const ids = Uint8Array.from({ length: 48 * 32 }, (_, i) => (i % 48 < 24 ? 1 : 3))
    const map = await post(await png(Uint8Array.from([...ids].flatMap(id => [...studio.colours[id]!])), 3))
    expect(map.headers.get('x-prep-from')).toBe('label map')
    const middle = Uint8Array.from({ length: 32 * 32 }, (_, i) => (i % 32 < 16 ? 1 : 3))
    expect(new Uint8Array(await map.arrayBuffer())).toEqual(middle)
    expect(await (await post(await png(ids.fill(200), 1))).json()).toMatchObject({ code: 'CLASS_UNKNOWN' })
  })

  test('what is no image is refused by its code, and the server stays up', async () => {
    for (const [body, code] of [
      ['hello, this is text', 'NOT_AN_IMAGE'],
      [new Uint8Array((await readFile(join(cwd, 'photos/photo-001.jpg'))).subarray(0, 300)), 'DECODE_FAILED'],
    ] as const) {
      const answer = await post(body)
      expect(answer.status).toBe(422)
      expect(await answer.json()).toMatchObject({ code })
    }
    expect((await post(new Uint8Array(65 * 2 ** 20))).status).toBe(413)
    expect((await get('/paint.json')).status).toBe(200)
  })
})

describe('beginnings', () => {
  test('an engine that there is not, before anything is painted', async () => {
    const { code, stderr } = await prep(['paint', checkpoint, '--engine', 'nosuch'])
    expect(code).toBe(4)
    expect(stderr).toContain('ENGINE_UNAVAILABLE')
  })

  test('a port that is taken, a run that was not trained, a host that others reach', async () => {
    const again = { studio, host: '127.0.0.1', port: server.port, engine: 'auto' }
    expect(await errorCodes(() => startPaintServer(again))).toEqual(['PORT_TAKEN'])
    // of the range for documentation (RFC 5737): no machine has it
    expect(await errorCodes(() => startPaintServer({ ...again, host: '192.0.2.1' }))).toEqual(['USAGE'])
    expect(await errorCodes(() => startPaintServer({ ...again, host: 'no such host' }))).toEqual(['USAGE'])
    for (const [args, code] of [
      [[join(cwd, 'photos')], 'FILE_MISSING'],
      [[checkpoint, '--host', '0.0.0.0'], 'USAGE'],
      [[join(cwd, 'p.yaml')], 'CHECKPOINT_DAMAGED'],
    ] as const) {
      const { code: exit, stderr } = await prep(['paint', ...args])
      expect(exit).toBe(2)
      expect(stderr).toContain(code)
    }
  })
})
