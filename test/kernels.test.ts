import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compileKernel, kernelNames } from '../src/kernels/build.js'

describe('committed WASM kernels are what their sources compile to', () => {
  test.each(kernelNames())('%s', async name => {
    const committed = readFileSync(new URL(`../src/kernels/${name}.wasm.ts`, import.meta.url), 'utf8')
    expect(await compileKernel(name)).toBe(committed)
  })
})
