/** Fetches robots.txt: redirects are followed, a long file is cut off. */
import { type Answer, type Asking, exchange } from './exchange.js'
import { DownloadError } from './failure.js'
import { isRedirect, redirectTarget } from './redirect.js'
import { parseRetryAfter } from './retry.js'
import { ROBOTS_BYTES, type RobotsAnswer } from './robots.js'

/** "At least five consecutive redirects" (RFC 9309, section 2.3.1.2). */
const HOPS = 5
/** What there is where redirects lead nowhere. */
const NONE: RobotsAnswer = { status: 404, text: '' }

/** @throws {DownloadError} when there is no answer */
export async function fetchRobots(asking: Asking): Promise<RobotsAnswer> {
  let { url } = asking
  for (let hops = 0; hops <= HOPS; hops++) {
    const end = await exchange({ ...asking, url }, answer => readRobots(answer, url)).catch(error => {
      if (error instanceof DownloadError && error.code === 'REDIRECT_REFUSED') return NONE
      throw error
    })
    if (!(end instanceof URL)) return end
    url = end
  }
  return NONE
}

async function readRobots(answer: Answer, url: URL): Promise<RobotsAnswer | URL> {
  if (isRedirect(answer)) return redirectTarget(answer, url)
  const { status } = answer
  if (status >= 200 && status < 300) return { status, text: await readStart(answer, ROBOTS_BYTES) }
  return { status, text: '', waitMs: parseRetryAfter(answer.header('retry-after'), Date.now()) }
}

/** The start of a text; a longer one is cut off. */
async function readStart(answer: Answer, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  try {
    await answer.read(maxBytes, chunk => void chunks.push(chunk))
  } catch (error) {
    if (!(error instanceof DownloadError) || error.code !== 'TOO_LARGE') throw error
  }
  return Buffer.concat(chunks).toString('utf8')
}
