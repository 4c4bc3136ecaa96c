/** Which IP addresses are on the public internet; all others may be somebody's inner network. */
import { BlockList, isIP } from 'node:net'

/** IANA special-purpose registry for IPv4: what is not globally reachable, multicast, reserved. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** Inside 2000::/3, the part of IPv6 that is routed; everything outside it is special. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const specialIpv4 = blockList(SPECIAL_IPV4)
const specialIpv6 = blockList(SPECIAL_IPV6)

/** Is it an address such as `10.0.0.7` or `fd00::/8`? */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (!family || rest.length) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}

/**
 * @param address  IPv4 or IPv6, also mapped (`::ffff:10.0.0.1`), translated (`64:ff9b::a00:1`) or with a zone
 * @returns false for private, loopback, link-local, shared, multicast, documentation and reserved addresses, and for
 *          what is no address at all
 */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '')
  const family = isIP(plain)
  if (family === 4) return !specialIpv4.check(plain, 'ipv4')
  if (family !== 6) return false
  const words = ipv6Words(plain)
  const inner = embeddedIpv4(words)
  if (inner) return isPublicAddress(inner)
  return (words[0]! & 0xe000) === 0x2000 && !specialIpv6.check(plain, 'ipv6')
}

/** The IPv4 address inside a mapped (::ffff:0:0/96) or translated (64:ff9b::/96) one. */
function embeddedIpv4(words: readonly number[]): string | undefined {
  const head = words.slice(0, 6).join()
  if (head !== '0,0,0,0,0,65535' && head !== `${0x64},${0xff9b},0,0,0,0`) return undefined
  const [high, low] = [words[6]!, words[7]!]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** The eight 16-bit words of an IPv6 address. */
function ipv6Words(address: string): number[] {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [left = '', right] = canonical.split('::')
  const words = (text: string): number[] => (text ? text.split(':').map(word => Number.parseInt(word, 16)) : [])
  const [head, tail] = [words(left), words(right ?? '')]
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

/** Which addresses may be connected to. */
export class AddressRules {
  readonly #allowed: BlockList | boolean

  /** @param allowPrivate  true for all, or ranges such as `192.168.1.0/24` */
  constructor(allowPrivate: boolean | readonly string[]) {
    this.#allowed = typeof allowPrivate === 'boolean' ? allowPrivate : blockList(allowPrivate)
  }

  permits(address: string): boolean {
    if (isPublicAddress(address)) return true
    if (typeof this.#allowed === 'boolean') return this.#allowed
    const plain = address.replace(/%.*$/, '')
    const family = isIP(plain)
    return family !== 0 && this.#allowed.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}
