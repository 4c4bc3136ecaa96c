import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { generatedDocs } from '../docs/make.js'
import { ERROR_CODES } from '../src/errors.js'
import { repoRoot } from './helpers.js'

const src = join(repoRoot, 'src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))
const text = new Map(files.map(file => [file, readFileSync(join(src, file), 'utf8')]))

/** Which folders a folder may import from; what is in src/ itself may be imported by all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ['report', 'pipeline', 'stages', 'paint', 'trainer', 'duplicates', 'labels', 'images', 'formats'],
  report: ['pipeline', 'stages', 'trainer', 'labels', 'images', 'formats'],
  paint: ['trainer', 'workers', 'labels', 'images', 'formats'],
  pipeline: ['stages', 'workers', 'duplicates', 'images', 'formats', 'trainer'],
  workers: ['pipeline', 'stages', 'images'],
  stages: ['pipeline', 'download', 'duplicates', 'labels', 'images', 'formats', 'trainer', 's3'],
  trainer: ['formats', 'images', 'labels', 'kernels', 'workers'],
  labels: ['kernels'],
  duplicates: [],
  images: [],
  download: ['images'],
  formats: ['kernels'],
  s3: ['formats'],
  kernels: [],
}

test('imports point one way', () => {
  const wrong: string[] = []
  for (const [file, source] of text) {
    const folder = file.split('/')[0]!
    if (!file.includes('/') || file.endsWith('.as.ts')) continue
    for (const [, path = ''] of source.matchAll(/from '(\.[^']+)'/g)) {
      const target = relative(src, join(src, file, '..', path)).split('/')
      if (target.length > 1 && target[0] !== folder && !MAY_IMPORT[folder]!.includes(target[0]!))
        wrong.push(`${file}: ${path}`)
    }
  }
  expect(wrong).toEqual([])
})

test('stages take from the pipeline only what defines a stage and its keys', () => {
  const allowed = ['stage.js', 'fingerprint.js', 'random.js', 'output-folder.js']
  for (const [file, source] of text)
    if (file.startsWith('stages/'))
      for (const [, name] of source.matchAll(/from '\.\.\/pipeline\/([^']+)'/g)) expect(allowed, file).toContain(name)
})

test('only src/images knows sharp, and nothing but the command line prints', () => {
  for (const [file, source] of text) {
    if (!file.startsWith('images/')) expect(source, file).not.toMatch(/from 'sharp'/)
    if (!file.startsWith('cli/') && !file.startsWith('kernels/'))
      expect(source, file).not.toMatch(/console\.|process\.std(out|err)\.write/)
  }
})

describe('docs keep up with the code', () => {
  test.each(Object.entries(generatedDocs()))('docs/%s is what the schemas say (npm run docs)', (file, expected) => {
    expect(readFileSync(join(repoRoot, 'docs', file), 'utf8')).toBe(expected)
  })

  test('every error code has a row in docs/errors.md and is used', () => {
    const errors = readFileSync(join(repoRoot, 'docs/errors.md'), 'utf8')
    const sources = [...text].filter(([file]) => file !== 'errors.ts').map(([, source]) => source)
    const own = text.get('errors.ts')!.split('fileError')[1]!
    for (const code of ERROR_CODES) {
      expect(errors).toMatch(new RegExp(`<a id="${code.toLowerCase()}"></a>${code} +\\|`))
      expect(
        [...sources, own].some(source => source.includes(`'${code}'`)),
        code,
      ).toBe(true)
    }
  })

  test('the README names its two commands within 20 lines', () => {
    const head = readFileSync(join(repoRoot, 'README.md'), 'utf8').split('\n').slice(0, 20).join('\n')
    expect(head).toContain('npm ci && npx prep run pipelines/quickstart.yaml')
    expect(head).toContain('npm ci && npm test')
    expect(readFileSync(join(repoRoot, '.ci/run'), 'utf8')).toContain('npm ci && npm test\n')
  })
})
