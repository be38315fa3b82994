/** The stock provider `y-websocket`: one document on a socket, at `/sync/{name}`. */
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import { NAME, newToken, SOCKETS } from './server.mjs'
import { talk } from './talk.mjs'

const RENEW_MS = 60_000

/** Connect a document; resolves to the provider. */
export async function connect(doc) {
  const provider = new WebsocketProvider(`${SOCKETS}/sync`, NAME, doc, {
    params: { token: await newToken() },
    WebSocketPolyfill: WebSocket,
    disableBc: true,
  })
  // It puts its parameters into the address at each connection, so that is where the next one finds a fresh token.
  const renew = async () => {
    provider.params = { token: await newToken() }
  }
  setInterval(() => renew().catch(console.error), RENEW_MS).unref()
  return provider
}

if (process.argv[1] === fileURLToPath(import.meta.url)) talk(connect, process.argv[2] ?? 'anna')
