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
  /** Which site asks; of navigations, which a link on any page may be, nothing. */
  readonly fetchSite: string | undefined
  readonly cookie: string | undefined
  /** `t` of the link. */
  readonly token?: string | undefined
}

/** Cookies do not tell ports apart, so the name does. */
export const cookieName = (port: number): string => `prep-paint-${port}`

/** @returns why a request is refused, or undefined */
export function refusal(asked: Asked, { token, port, host }: Admission): string | undefined {
  const given = asked.host?.toLowerCase()
  // browsers leave the usual port out, others may not
  const named = port === 80 ? given?.replace(/:80$/, '') : given
  const names = [...LOOPBACK, ...addressesOf(host)].map(address => hostHeader(address, port))
  if (named === undefined || !names.includes(named)) return 'another host name'
  if (asked.origin !== undefined && asked.origin !== `http://${given}`) return 'another origin'
  if (asked.fetchSite === 'cross-site') return 'another site'
  const key = asked.token ?? cookies(asked.cookie).get(cookieName(port))
  if (key === undefined || !equal(key, token)) return 'no valid token'
  return undefined
}

const LOOPBACK = ['127.0.0.1', 'localhost', '::1']

/** What the server is called by: the address that it listens at, or those of this machine where it listens at all. */
export function addressesOf(host: string): string[] {
  const name = hostName(host)
  if (name !== '0.0.0.0' && name !== '[::]') return [host]
  return Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal, family }) => !internal && (name === '[::]' || family === 'IPv4'))
    .map(({ address }) => address)
    .filter(address => !/^fe80:/i.test(address)) // of one cable, and no browser takes its zone
}

/** As browsers write it in the Host header: small letters, IPv6 in brackets, no port where it is 80. */
export const hostHeader = (address: string, port: number): string =>
  `${hostName(address)}${port === 80 ? '' : `:${port}`}`

function hostName(address: string): string {
  const written = address.includes(':') ? `[${address}]` : address
  return URL.canParse(`http://${written}`) ? new URL(`http://${written}`).hostname : written.toLowerCase()
}

export const isLoopback = (host: string): boolean => /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(hostName(host))

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
