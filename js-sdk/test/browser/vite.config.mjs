import { readdirSync } from 'node:fs'
import { defineConfig } from 'vite'
import { at, entries } from '../../scripts/entries.mjs'

const pages = readdirSync(at('test/browser'))
  .filter((name) => name.endsWith('.html'))
  .map((name) => at(`test/browser/${name}`))

/** Builds the pages of this folder with the built package: what an app gets, not what lies in `src`. */
export default defineConfig({
  root: at('test/browser'),
  logLevel: 'warn',
  build: {
    target: 'es2022',
    rolldownOptions: { input: pages },
  },
  resolve: {
    alias: entries.map(({ name, stem }) => ({
      find: new RegExp(`^webhost-sync${name.slice(1)}$`),
      replacement: at(`dist/${stem}.js`),
    })),
  },
})
