import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  HIDDEN,
  isSecretName,
  isSecretOption,
  makeRedactor,
  secretValues,
  withoutNamedSecrets,
  withoutUrlSecrets,
} from '../../src/report/secrets.js'
import {
  hiddenVariables,
  overrideSecrets,
  reasonSecrets,
  withoutYamlSecrets,
  yamlSecrets,
} from '../../src/report/yaml-secrets.js'

test.each(['AWS_SECRET_ACCESS_KEY', 'X-Amz-Signature', 'apiKey', 'token', 'DB_PASSWORD', 'Authorization', 'sig'])(
  '%s promises a secret',
  name => expect(isSecretName(name)).toBe(true),
)
test.each(['PHOTOS', 'monkey', 'design', 'author', 'keep_last', 'tokens_per_photo'])('%s does not', name =>
  expect(isSecretName(name)).toBe(false),
)

test('a key alone is an ordinary option, of columns for one', () => {
  expect(['key', 'columns.key', 'key_column'].map(isSecretOption)).toEqual([false, false, false])
  expect(['api_key', 'accessKey', 'Subscription-Key', 'private_key'].map(isSecretOption)).not.toContain(false)
})

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

describe('YAML in every style', () => {
  test.each([
    ['flow', 'download: {headers: {Authorization: s3cret one, Accept: "*"}}'],
    ['flow over lines', 'headers: {\n  Authorization:\n    s3cret one,\n}'],
    ['quoted', 'token: "s3cret\\x20one"'],
    ['literal', 'token: |\n  s3cret one\n  and more\nkeep: 1'],
    ['folded', 'token: >-\n  s3cret\n  one\nkeep: 1'],
    ['plain over lines', 'token: s3cret\n  one'],
    ['JSON', '{"steps": [{"stage": "download", "token": "s3cret one"}]}'],
    ['anchor', 'spare: &a s3cret one\ntoken: *a'],
    ['comment', '# token: s3cret one\nkeep: 1'],
    ['default', 'password: ${PW:-s3cret one}'],
  ])('%s', (_, yaml) => {
    const told = makeRedactor(yamlSecrets(yaml))(withoutYamlSecrets(yaml))
    expect(told).not.toMatch(/s3cret|one|and more/)
    expect(told).toContain(HIDDEN)
    if (yaml.includes('keep')) expect(told).toContain('keep: 1')
    if (yaml.includes('Accept')) expect(told).toContain('Accept: "*"')
  })

  test('numbers are secrets, too; references and broken files stay readable', () => {
    expect(yamlSecrets('token: 12345678')).toEqual(['12345678'])
    expect(withoutYamlSecrets('token: 12345678\nsize: 12345678')).toBe(`token: ${HIDDEN}\nsize: 12345678`)
    expect(withoutYamlSecrets('{token: "${PW}", n: 1}')).toBe('{token: "${PW}", n: 1}')
    expect(withoutYamlSecrets('a: [\ntoken: s3cret')).not.toContain('s3cret')
    expect([...hiddenVariables('{headers: {Authorization: "Bearer ${PW}"}, n: "${N}"}', { PW: 'x', N: 'y' })]).toEqual([
      'PW',
    ])
  })
})

test('--set of objects and of numbers, and reasons that tell what an option was before', () => {
  expect(overrideSecrets('steps.download.headers={Authorization: Bearer x, Accept: "*"}')).toEqual({
    secrets: ['Bearer x'],
    told: `steps.download.headers={Authorization: ${HIDDEN}, Accept: "*"}`,
  })
  expect(overrideSecrets('steps.0.token=12345')).toEqual({ secrets: ['12345'], told: `steps.0.token=${HIDDEN}` })
  expect(overrideSecrets('steps.0.columns.key=id').told).toBe('steps.0.columns.key=id')
  const reason =
    'option size: 8 -> 9; option token: "o; l\\"d" -> "new"; option headers: {"Cookie":"a=b"} -> unset; photos: 1 added'
  expect(reasonSecrets(reason)).toEqual({
    secrets: ['o; l"d', 'new', 'a=b'],
    told: 'option size: 8 -> 9; option token: changed; option headers: changed; photos: 1 added',
  })
})

test('names of our own properties, and words that are looked up, stay', () => {
  const redact = makeRedactor(['status', 'done', 'test'])
  expect(redact({ status: 'done', splits: { test: 'a test' } })).toEqual({
    status: 'done',
    splits: { test: `a ${HIDDEN}` },
  })
})

test('long texts take no time that grows with their square', () => {
  for (const text of ['a'.repeat(200_000), '?'.repeat(200_000), 'a://'.repeat(50_000), ';a'.repeat(100_000)])
    expect(withoutUrlSecrets(text)).toBe(text)
})
