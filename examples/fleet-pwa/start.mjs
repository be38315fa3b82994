/**
 * Builds the app and serves it beside a sync server: `npm start`. Starts a server of its own (`webhost-sync
 * dev`, on SERVER_PORT or 8010) unless WEBHOST_URL and WEBHOST_KEY name one. PORT is the app's own (5173). Both
 * ports should stay the same from start to start: what a browser keeps belongs to the address.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, preview } from 'vite'

const HERE = dirname(fileURLToPath(import.meta.url))
const REPOSITORY = join(HERE, '..', '..')
const DATA = join(REPOSITORY, '.data', 'fleet-pwa')

const server = process.env.WEBHOST_URL ? named() : await started()
await build({ root: HERE, logLevel: 'warn' })
const app = await preview({
  root: HERE,
  preview: { host: 'localhost', port: Number(process.env.PORT ?? 5173) },
  plugins: [{ name: 'config', configurePreviewServer: serveConfig }],
})
console.log(`\n  Fleet    ${app.resolvedUrls.local[0]}`)
console.log(`  server   ${server.apiUrl}\n`)
console.log('  Open it twice, in two browsers, and pull a plug. Stop with Ctrl-C.\n')

/** The page asks where its server is, so that what is built knows no address and no key. */
function serveConfig({ middlewares }) {
  middlewares.use('/config.json', (_, answer) => {
    answer.setHeader('Content-Type', 'application/json')
    answer.setHeader('Cache-Control', 'no-store')
    answer.end(JSON.stringify(server))
  })
}

function named() {
  const { WEBHOST_URL: apiUrl, WEBHOST_KEY: apiKey } = process.env
  if (!apiKey)
    throw new Error('WEBHOST_URL is set, so WEBHOST_KEY must be too: a key that may read and write')
  return { apiUrl: apiUrl.replace(/\/$/, ''), apiKey }
}

async function started() {
  const { url, key, key_file } = await firstDocument(serverProcess())
  return { apiUrl: url, apiKey: key ?? readFileSync(key_file, 'utf8').trim() }
}

/** The server, which ends with us. Killed alone it is started again, at the same address, so that it may be. */
function serverProcess() {
  const installed = join(REPOSITORY, '.venv', 'bin', 'webhost-sync')
  const program = existsSync(installed) ? installed : 'webhost-sync'
  mkdirSync(DATA, { recursive: true })
  const child = spawn(program, ['dev', '--json', '--until-stdin-ends'], {
    cwd: REPOSITORY,
    env: { ...process.env, DATA_DIR: DATA, PORT: process.env.SERVER_PORT ?? '8010' },
    stdio: ['pipe', 'pipe', openSync(join(DATA, 'server.log'), 'a')],
  })
  child.on('error', () => stop('webhost-sync is not installed here; run `make install` first'))
  child.on('exit', (code, signal) => {
    if (signal === null) stop(`webhost-sync dev ended with ${code}; ${join(DATA, 'server.log')} says why`)
    console.log(`  the server was ended by ${signal}; starting it again`)
    setTimeout(serverProcess, 1000)
  })
  return child
}

/** What the server says when it listens: one JSON document, whose last line is the only `}` without indent. */
function firstDocument(child) {
  return new Promise((resolve) => {
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
      if (text.endsWith('}\n')) resolve(JSON.parse(text))
    })
  })
}

function stop(why) {
  console.error(why)
  process.exit(1)
}
