/** The stock provider `@hocuspocus/provider`: many documents on one socket, at `/collab`. */
import { fileURLToPath } from 'node:url'
import { HocuspocusProvider } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { NAME, newToken, SOCKETS } from './server.mjs'
import { talk } from './talk.mjs'

/** Connect a document; resolves to the provider. */
export async function connect(doc) {
  return new HocuspocusProvider({
    url: `${SOCKETS}/collab`,
    name: NAME,
    document: doc,
    token: newToken, // called whenever one is needed: at each connection, and when the server asks for a new one
    WebSocketPolyfill: WebSocket,
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) talk(connect, process.argv[2] ?? 'ben')
