/** Serves any number of small JPEGs that all differ, for the download bench: prints its port. */
import { createServer } from 'node:http'
import sharp from 'sharp'

const noise = { create: { width: 96, height: 96, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 40 } } }
const photo = await sharp(noise).jpeg({ quality: 85 }).toBuffer()
const [start, rest] = [photo.subarray(0, 2), photo.subarray(2)]

const server = createServer((request, response) => {
  if (request.url === '/robots.txt') return response.writeHead(404).end()
  // A comment segment makes each photo another one.
  const comment = Buffer.from(request.url ?? '')
  const head = Buffer.from([0xff, 0xfe, 0, comment.length + 2])
  response.writeHead(200, {
    'content-type': 'image/jpeg',
    'content-length': photo.length + head.length + comment.length,
    etag: `"${request.url}"`,
  })
  response.end(Buffer.concat([start, head, comment, rest]))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
