import { expect, test } from 'vitest'
import { interpolate } from '../../src/pipeline/environment.js'

test.each([
  ['${A}/x', { A: 'a' }, 'a/x', []],
  ['${A:-b}', {}, 'b', []],
  ['${A:-b}', { A: '' }, 'b', []],
  ['${A:-}', {}, '', []],
  ['${A}${B}', { A: '1', B: '2' }, '12', []],
  ['$${A}', { A: '1' }, '${A}', []],
  ['${A}', {}, '${A}', ['A']],
  ['no $A here', { A: '1' }, 'no $A here', []],
])('%s with %o gives %s', (text, environment, expected, missing) => {
  expect(interpolate(text, environment as Record<string, string>)).toMatchObject({ text: expected, missing })
})
