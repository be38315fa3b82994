import { defineConfig } from 'vite'
import { at, entries, external } from './scripts/entries.mjs'

export default defineConfig({
  logLevel: 'warn',
  build: {
    target: 'es2022',
    lib: {
      entry: Object.fromEntries(entries.map(({ stem }) => [stem, at(`src/${stem}.ts`)])),
      formats: ['es'],
    },
    sourcemap: true,
    // Whoever builds an app minifies; until then people read this code in their debugger.
    minify: false,
    rolldownOptions: {
      external,
      output: { entryFileNames: '[name].js', chunkFileNames: 'shared/[name].js' },
    },
  },
})
