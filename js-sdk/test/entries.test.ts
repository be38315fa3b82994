/** The package as its importers meet it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { entries } from '../scripts/entries.mjs'

describe.each(entries)('the entry $name', ({ name, stem }) => {
  it('can be imported where there is no browser, as servers that render pages do', async () => {
    const before = Object.keys(globalThis)
    await import(`../src/${stem}.ts`)
    expect(Object.keys(globalThis)).toEqual(before)
  })

  it('has its types before its code in package.json, since the first match is taken', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    expect(Object.keys(manifest.exports[name])).toEqual(['types', 'default'])
  })
})
