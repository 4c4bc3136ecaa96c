/**
 * Who may talk to the server. Other sites' pages can make a browser send requests to loopback, and can point a name of
 * their own at it (DNS rebinding); so a request has to name the server by an address of this machine, must not come from
 * another origin, and has to carry the secret of this start, which is in the printed link and then in a cookie.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { networkInterfaces } from 'node:os'

export interface Admission {
  readonly token: string
  readonly port: number
  /** The address that the server listens at. */
  readonly host: string
}

export interface Asked {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly fetchSite: string | undefined
  readonly cookie: string | undefined
  /** `t` of the link. */
  readonly token?: string | undefined
}

/** Cookies do not tell ports apart, so the name does. */
export const cookieName = (port: number): string => `prep-paint-${port}`

/** @returns why a request is refused, or undefined */
export function refusal(asked: Asked, { token, port, host }: Admission): string | undefined {
  const names = ownNames(host).map(name => `${name}:${port}`)
  if (!asked.host || !names.includes(asked.host.toLowerCase())) return 'another host name'
  if (asked.origin !== undefined && asked.origin !== `http://${asked.host}`) return 'another origin'
  if (asked.fetchSite === 'cross-site' && asked.token === undefined) return 'another site'
  const given = asked.token ?? cookies(asked.cookie).get(cookieName(port))
  if (given === undefined || !equal(given, token)) return 'no valid token'
  return undefined
}

/** Loopback by its names; other addresses only when the server was told to listen there. Names of others never. */
function ownNames(host: string): string[] {
  const loopback = ['127.0.0.1', 'localhost', '[::1]']
  if (isLoopback(host)) return loopback
  const everywhere = host === '0.0.0.0' || host === '::'
  const own = Object.values(networkInterfaces()).flatMap(addresses => (addresses ?? []).map(({ address }) => address))
  return [...loopback, ...(everywhere ? own : [host])].map(name => (/^[^[].*:/.test(name) ? `[${name}]` : name))
}

export const isLoopback = (host: string): boolean => /^(127(\.\d{1,3}){3}|localhost|::1)$/.test(host)

function cookies(header = ''): Map<string, string> {
  return new Map(
    header.split(';').map(pair => {
      const [name = '', value = ''] = pair.trim().split('=')
      return [name, value]
    }),
  )
}

/** In time that does not tell how much was right. */
function equal(a: string, b: string): boolean {
  const [left, right] = [a, b].map(text => createHash('sha256').update(text).digest())
  return timingSafeEqual(left!, right!)
}
