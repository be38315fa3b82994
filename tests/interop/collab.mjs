// A client as an application would build it: a fresh Y.Doc and the real Hocuspocus provider from npm,
// several of them on one socket where they name the same one. Beside it a record of what the provider told
// its application: scopes, refusals, ends, and each number of unsynced changes.

import { HocuspocusProvider as Provider3, HocuspocusProviderWebsocket as Socket3 } from 'hocuspocus-3'
import { HocuspocusProvider as Provider4, HocuspocusProviderWebsocket as Socket4 } from 'hocuspocus-4'

import { Client, Sockets } from './client.mjs'
import { describeCollabFrame } from './frames.mjs'

const PROVIDERS = { '3.4.4': [Provider3, Socket3], '4.8.0': [Provider4, Socket4] }
const shared = new Map()

/** The socket of this name, made where it is missing. */
function socketOf({ provider, url, socket }) {
  if (!shared.has(socket)) {
    const sockets = new Sockets(describeCollabFrame, {})
    const [, Socket] = PROVIDERS[provider]
    const websocket = new Socket({ url, WebSocketPolyfill: sockets.WebSocket })
    shared.set(socket, { websocket, sockets, users: 0 })
  }
  return shared.get(socket)
}

export class CollabPeer extends Client {
  scopes = []
  refusals = []
  ends = []
  unsynced = []
  stateless = []
  tokensGiven = 0
  statusesWithZero = null

  /**
   * `tokens` are given one after another, the last one again and again. `write` is run before the provider
   * knows its socket, `writeAttached` when it does and that socket is still closed.
   */
  constructor({ provider, room, tokens, options, write, writeAttached, ...rest }) {
    const place = socketOf({ provider, ...rest })
    super(place.sockets)
    this.place = place
    this.name = rest.socket
    place.users += 1
    const [Provider] = PROVIDERS[provider]
    this.provider = new Provider({
      websocketProvider: place.websocket,
      name: room,
      document: this.doc,
      token: () => tokens[Math.min(this.tokensGiven++, tokens.length - 1)],
      onClose: () => {},
      ...options,
    })
    this.awareness = this.provider.awareness
    this.provider.on('authenticated', ({ scope }) => this.scopes.push(scope))
    this.provider.on('authenticationFailed', ({ reason }) => this.refusals.push(reason))
    this.provider.on('close', ({ event }) => this.ends.push([event.code, event.reason]))
    this.provider.on('unsyncedChanges', ({ number }) => this.#countUnsynced(number))
    this.provider.on('stateless', ({ payload }) => this.stateless.push(payload))
    this.listen(this.provider, 'authenticated', 'authenticationFailed', 'close', 'status', 'synced')
    this.listen(this.provider, 'unsyncedChanges', 'stateless', 'outgoingMessage')
    this.listen(this.awareness, 'change')
    if (write) this.edit(write)
    this.provider.attach()
    if (writeAttached) this.edit(writeAttached)
  }

  /** Statuses that leave together arrive together: those that come with the first zero are counted too. */
  #countUnsynced(number) {
    this.unsynced.push(number)
    if (number !== 0 || this.statusesWithZero !== null) return
    this.statusesWithZero = 0
    setImmediate(() => {
      this.statusesWithZero = this.frames.filter((frame) => frame.type === 'sync-status').length
      this.watch.changed()
    })
  }

  connection() {
    return { synced: this.provider.synced, closed: null, sockets: this.sockets.all }
  }

  connect() {
    this.place.websocket.connect()
  }

  /** Until the socket is closed: before that the provider takes no `connect()`. */
  async disconnect() {
    const socket = this.place.websocket
    const gone = socket.status === 'disconnected' || new Promise((resolve) => socket.on('disconnect', resolve))
    socket.disconnect()
    await gone
  }

  /** Break the socket as a dead battery would: no goodbye, and no coming back. */
  vanish() {
    this.place.websocket.shouldConnect = false
    this.place.websocket.webSocket.terminate()
  }

  destroy() {
    this.provider.destroy()
    this.doc.destroy()
    this.place.users -= 1
    if (this.place.users === 0) {
      this.place.websocket.destroy()
      shared.delete(this.name)
    }
  }
}
