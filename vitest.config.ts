import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    globalSetup: 'test/build.ts',
    // against hanging alone: training tests take a minute on two busy cores
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
})
