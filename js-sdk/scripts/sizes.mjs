/**
 * Holds the built package to its budget: what an app pays for each entry, minified and compressed with gzip.
 * `own` is our code alone (for all but the main entry: what it adds to that), `all` is with Dexie and Yjs.
 */
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { at, entries, external } from './entries.mjs'

const KIB = 1024
/** A little above what there is today: whoever adds much has to say so here. */
const BUDGET = {
  '.': { own: 38 * KIB, all: 91 * KIB },
  './react': { own: 2 * KIB },
  './devtools': { own: 3 * KIB },
  // What it adds to the main entry. No page pays it; a device does once.
  './node': { own: 10 * KIB },
}

/** Bundle a built entry without `left out` modules; its bytes on the wire, and the modules that went in. */
async function bundle(stem, leftOut) {
  const options = {
    input: at(`dist/${stem}.js`),
    external: leftOut,
    preserveEntrySignatures: 'strict',
    output: { format: 'es', codeSplitting: false },
  }
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, minify: true, target: 'es2022', modulePreload: false, rolldownOptions: options },
  })
  const [{ code, moduleIds }] = output
  return { bytes: code.trim() ? gzipSync(code, { level: 9 }).length : 0, modules: new Set(moduleIds) }
}

const matches = (id) => external.some((pattern) => pattern.test(id))
const main = await bundle('index', matches)
const rows = []
for (const { name, stem } of entries) {
  const added =
    name === '.'
      ? main
      : await bundle(stem, (id) => matches(id) || (id !== at(`dist/${stem}.js`) && main.modules.has(id)))
  rows.push({ entry: name, what: 'own', bytes: added.bytes, budget: BUDGET[name]?.own })
}
const whole = await bundle('index', [/^node:/])
rows.push({ entry: '.', what: 'all', bytes: whole.bytes, budget: BUDGET['.'].all })

const kib = (bytes) => (bytes === undefined ? '' : `${(bytes / KIB).toFixed(1)} KiB`)
for (const { entry, what, bytes, budget } of rows) {
  const verdict = budget === undefined ? '' : bytes <= budget ? 'ok' : 'TOO LARGE'
  console.log(
    entry.padEnd(12),
    what.padEnd(5),
    kib(bytes).padStart(10),
    kib(budget).padStart(10),
    ` ${verdict}`,
  )
}
process.exitCode = rows.some(({ bytes, budget }) => bytes > budget) ? 1 : 0
