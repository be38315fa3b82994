/**
 * Which ports the app and its server have. The same ones at each start, because what a browser keeps belongs to
 * an address: at another one it would begin without data. Knows nothing of what listens there.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const USUAL = { app: 5210, server: 8010 }

/** The ports of the last start, or the usual ones; PORT and SERVER_PORT where they are set. */
export function portsOf(folder) {
  const { PORT, SERVER_PORT } = process.env
  const kept = { ...USUAL, ...read(folder) }
  return { app: Number(PORT ?? kept.app), server: Number(SERVER_PORT ?? kept.server) }
}

/** The same ports, or free ones in the place of those that are taken: kept for the next start, and said. */
export async function freePorts(folder, { app, server }) {
  const free = { app: await freePort(app, 'localhost'), server: await freePort(server, '127.0.0.1') }
  for (const [port, instead] of [
    [app, free.app],
    [server, free.server],
  ])
    if (port !== instead) console.log(`  Port ${port} is taken; using ${instead} from now on`)
  writeFileSync(fileIn(folder), JSON.stringify(free))
  return free
}

async function freePort(port, host) {
  return (await listens(port, host)) ?? (await listens(0, host))
}

/** The port, once it was tried out; null where something else has it. */
function listens(port, host) {
  const probe = createServer()
  return new Promise((resolve, reject) => {
    probe.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    probe.listen(port, host, () => {
      const { port: found } = probe.address()
      probe.close(() => resolve(found))
    })
  })
}

function read(folder) {
  try {
    return JSON.parse(readFileSync(fileIn(folder), 'utf8'))
  } catch {
    return {}
  }
}

function fileIn(folder) {
  return join(folder, 'ports.json')
}
