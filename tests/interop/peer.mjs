// A client as an application would build it: a fresh Y.Doc and the real y-websocket provider from npm.

import { WebsocketProvider as WebsocketProvider2 } from 'y-websocket-2'
import { WebsocketProvider as WebsocketProvider3 } from 'y-websocket-3'

import { Client, Sockets } from './client.mjs'
import { describeFrame } from './frames.mjs'

const PROVIDERS = { '2.1.0': WebsocketProvider2, '3.1.0': WebsocketProvider3 }

export class Peer extends Client {
  closed = null

  constructor({ provider, url, room, params, headers }) {
    super(new Sockets(describeFrame, headers))
    this.provider = new PROVIDERS[provider](url, room, this.doc, {
      params,
      disableBc: true,
      WebSocketPolyfill: this.sockets.WebSocket,
    })
    this.awareness = this.provider.awareness
    this.provider.on('closed', (event) => {
      this.closed = event
    })
    this.listen(this.provider, 'status', 'sync', 'connection-close', 'connection-error', 'closed')
    this.listen(this.awareness, 'change')
  }

  /** What the record holds of this client's connections. */
  connection() {
    return { synced: this.provider.synced, closed: this.closed, sockets: this.sockets.all }
  }

  connect() {
    this.provider.connect()
  }

  disconnect() {
    this.provider.disconnect()
  }

  /** Break the socket as a dead battery would: no goodbye, and no coming back. */
  vanish() {
    this.provider.shouldConnect = false
    this.provider.ws.terminate()
  }

  destroy() {
    this.provider.destroy()
    this.awareness.destroy()
    this.doc.destroy()
  }
}
