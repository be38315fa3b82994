import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/browser/**'],
    setupFiles: ['test/support/seed-properties.ts'],
    testTimeout: 30_000,
    maxWorkers: '100%', // by itself it leaves a core to whoever watches it
  },
})
