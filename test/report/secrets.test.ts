import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  HIDDEN,
  hiddenVariables,
  isSecretName,
  makeRedactor,
  secretValues,
  withoutNamedSecrets,
  withoutUrlSecrets,
} from '../../src/report/secrets.js'

test.each(['AWS_SECRET_ACCESS_KEY', 'X-Amz-Signature', 'apiKey', 'token', 'DB_PASSWORD', 'Authorization', 'sig'])(
  '%s promises a secret',
  name => expect(isSecretName(name)).toBe(true),
)
test.each(['PHOTOS', 'monkey', 'design', 'author', 'keep_last', 'tokens_per_photo'])('%s does not', name =>
  expect(isSecretName(name)).toBe(false),
)

describe('URLs', () => {
  test.each([
    ['https://me:pw@example.org/a.jpg', `https://${HIDDEN}@example.org/a.jpg`],
    [
      'https://example.org/a.jpg?w=9&X-Amz-Signature=abc&h=7',
      `https://example.org/a.jpg?w=9&X-Amz-Signature=${HIDDEN}&h=7`,
    ],
    ['see s3://key@bucket/x, and b@c.de', `see s3://${HIDDEN}@bucket/x, and b@c.de`],
    ['https://example.org/a@b.jpg?page=2', 'https://example.org/a@b.jpg?page=2'],
  ])('%s', (url, expected) => expect(withoutUrlSecrets(url)).toBe(expected))

  test('a password never stays, whatever it is made of', () => {
    const password = fc.stringMatching(/^[A-Za-z0-9!$&*+,;=._~%-]{6,20}$/)
    fc.assert(
      fc.property(password, secret => {
        expect(withoutUrlSecrets(`get https://user:${secret}@host.example/x`)).toBe(
          `get https://${HIDDEN}@host.example/x`,
        )
      }),
    )
  })
})

test('variables that went into URLs or secret options are hidden, folders are not', () => {
  const yaml = 'photos: ${PHOTOS}/*.jpg\nurls: https://example.org/${WHO}/list\npassword: "${PW:-x}"\n'
  const environment = {
    PHOTOS: '/data',
    WHO: 'someone',
    PW: 'hunter2',
    MIRROR: 'https://a:b@c.example',
    API_TOKEN: 't',
  }
  expect([...hiddenVariables(yaml, environment)].sort()).toEqual(['API_TOKEN', 'MIRROR', 'PW', 'WHO'])
})

test('options called like secrets lose their values in YAML and in --set, references stay', () => {
  expect(withoutNamedSecrets('a: 1\n  token: abc\n  key: ${KEY}\nkeep: 3')).toBe(
    `a: 1\n  token: ${HIDDEN}\n  key: \${KEY}\nkeep: 3`,
  )
  expect(withoutNamedSecrets('steps.download.headers.authorization=Bearer x')).toBe(
    `steps.download.headers.authorization=${HIDDEN}`,
  )
  expect(secretValues({ headers: { Authorization: 'Bearer x', Accept: '*' }, cookies: [], token: ['a', 'b'] })).toEqual(
    ['Bearer x', 'a', 'b'],
  )
})

test('a known secret is found in any text of the data, as it is and as URLs write it', () => {
  const redact = makeRedactor(['s3cret/+ value'])
  const data = {
    a: ['x s3cret/+ value y'],
    b: { url: `https://h.example/?q=${encodeURIComponent('s3cret/+ value')}` },
    n: 3,
  }
  expect(JSON.stringify(redact(data))).not.toMatch(/s3cret/)
  expect(redact(data).n).toBe(3)
})
