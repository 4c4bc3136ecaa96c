import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressRules, isAddressRange, isPublicAddress } from '../../src/download/address.js'

const octet = fc.integer({ min: 0, max: 255 })
const ipv4 = fc.tuple(octet, octet, octet, octet).map(parts => parts.join('.'))
/** ::ffff:1.2.3.4 and 64:ff9b::1.2.3.4, also in hexadecimal. */
const carriers = (address: string): string[] => {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  return [`::ffff:${address}`, `::ffff:${hex}`, `0:0:0:0:0:FFFF:${hex}`, `64:ff9b::${hex}`, `64:ff9b::${address}`]
}

test.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.170',
  '192.168.0.1',
  '198.19.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fe80::1%eth0',
  'fc00::1',
  'fdff::1',
  'ff02::1',
  'fec0::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '64:ff9b:1::1',
  '::127.0.0.1',
  'localhost',
  '',
])('%s is not public', address => expect(isPublicAddress(address)).toBe(false))

test.each([
  '1.1.1.1',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.0.1',
  '172.32.0.1',
  '193.0.0.1',
  '2606:4700::1111',
  '2a00:1450:4001:80b::200e',
])('%s is public', address => expect(isPublicAddress(address)).toBe(true))

test('an IPv4 address is judged alike however it is wrapped in IPv6', () => {
  fc.assert(
    fc.property(ipv4, address => {
      for (const carrier of carriers(address)) expect(isPublicAddress(carrier), carrier).toBe(isPublicAddress(address))
    }),
  )
})

test('every address of 10/8, 127/8 and 192.168/16 is refused', () => {
  const inside = fc.oneof(
    fc.tuple(fc.constantFrom(10, 127), octet, octet, octet),
    fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
  )
  fc.assert(fc.property(inside, parts => !isPublicAddress(parts.join('.'))))
})

describe('allow_private', () => {
  test('true lets all in, a list only what it names', () => {
    expect(new AddressRules(true).permits('10.0.0.1')).toBe(true)
    const rules = new AddressRules(['10.0.0.0/8', 'fd00::/8', '127.0.0.1'])
    for (const address of ['10.9.8.7', 'fd12::1', '127.0.0.1', '1.1.1.1']) expect(rules.permits(address)).toBe(true)
    for (const address of ['127.0.0.2', '192.168.0.1', 'fe80::1']) expect(rules.permits(address)).toBe(false)
  })

  test('ranges are checked', () => {
    for (const range of ['10.0.0.0/8', '127.0.0.1', 'fd00::/8']) expect(isAddressRange(range)).toBe(true)
    for (const range of ['10.0.0.0/33', 'localhost', '10.0.0', 'fd00::/129', '1.1.1.1/8/8', '1.1.1.1/'])
      expect(isAddressRange(range)).toBe(false)
  })
})
