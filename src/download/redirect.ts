/** Redirects are followed by hand, so that each hop is checked and keeps to the limits of its host. */
import type { Answer } from './exchange.js'
import { DownloadError } from './failure.js'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

export const isRedirect = ({ status }: Answer): boolean => REDIRECTS.has(status)

/** @throws {DownloadError} `REDIRECT_REFUSED` for what is no http(s) URL */
export function redirectTarget(answer: Answer, from: URL): URL {
  const location = answer.header('location')
  const url = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new DownloadError(
      'REDIRECT_REFUSED',
      `the host redirects to ${location === undefined ? 'nowhere' : location.slice(0, 200)}, expected an http(s) URL`,
      { status: answer.status },
    )
  url.hash = ''
  url.username = ''
  url.password = ''
  return url
}
