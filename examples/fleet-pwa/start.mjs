/**
 * Builds the app and serves it beside a sync server: `make fleet-pwa`, or `node start.mjs`. The server is one of
 * its own, with an embedded Postgres, unless WEBHOST_URL and WEBHOST_KEY name another. Everything is kept in
 * DATA_DIR (`.data/fleet-pwa`). Ctrl-C ends all of it, and the next start goes on from there.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'
import { freePorts, portsOf } from './scripts/ports.mjs'
import { Server } from './scripts/server.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const REPOSITORY = resolve(HERE, '..', '..')
const DATA = resolve(process.env.DATA_DIR ?? `${REPOSITORY}/.data/fleet-pwa`)

mkdirSync(DATA, { recursive: true })
const before = portsOf(DATA)
if (await isServedAt(before.app)) end(0, `Fleet is running already: http://localhost:${before.app}/`)
const ports = await freePorts(DATA, before)

const server = process.env.WEBHOST_URL
  ? named()
  : new Server({ repository: REPOSITORY, data: DATA, port: ports.server })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => server.stop().then(() => end(0)))
server.ended.then((why) => end(1, why))

const [config] = await Promise.all([server.config, build({ root: HERE, logLevel: 'warn' })])
const app = await preview({
  root: HERE,
  preview: { host: 'localhost', port: ports.app, strictPort: true },
  plugins: [{ name: 'config', configurePreviewServer: serveConfig }],
})
console.log(`\n  Fleet    ${app.resolvedUrls.local[0]}`)
console.log(`  server   ${config.apiUrl}${server.pid ? ` (process ${server.pid})` : ''}\n`)
console.log('  Open it in two browsers, and pull a plug. Stop with Ctrl-C.\n')

/** The page asks where its server is, so that what is built knows no address and no key. */
function serveConfig({ middlewares }) {
  middlewares.use('/config.json', (_, answer) => {
    answer.setHeader('Content-Type', 'application/json')
    answer.setHeader('Cache-Control', 'no-store')
    answer.end(JSON.stringify(config))
  })
}

/** A server that somebody else starts and ends. */
function named() {
  const { WEBHOST_URL: apiUrl, WEBHOST_KEY: apiKey } = process.env
  if (!apiKey) end(1, 'WEBHOST_URL is set, so WEBHOST_KEY must be too: a key that may read and write')
  const config = Promise.resolve({ apiUrl: apiUrl.replace(/\/$/, ''), apiKey })
  return { config, ended: new Promise(() => {}), stop: async () => {} }
}

async function isServedAt(port) {
  const answer = await fetch(`http://localhost:${port}/config.json`).catch(() => null)
  return answer?.ok && (await answer.json().catch(() => ({}))).apiUrl !== undefined
}

function end(code, message) {
  if (message) console.error(`  ${message}`)
  process.exit(code)
}
