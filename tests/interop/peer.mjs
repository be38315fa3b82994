// One client as an application would build it: a fresh Y.Doc and the real provider from npm, over
// the `ws` package. Beside it a record of every socket the provider opened and of every frame that
// arrived. Invariants:
//   1. Nothing here speaks the protocol for the provider; it is only watched.
//   2. `until` is checked again after each thing that can have changed, never by a timer.

import { isDeepStrictEqual } from 'node:util'

import WebSocket from 'ws'
import { WebsocketProvider as WebsocketProvider2 } from 'y-websocket-2'
import { WebsocketProvider as WebsocketProvider3 } from 'y-websocket-3'
import * as Y from 'yjs'

import { describeFrame } from './frames.mjs'
import { toJson } from './values.mjs'

const PROVIDERS = { '2.1.0': WebsocketProvider2, '3.1.0': WebsocketProvider3 }
const CHANGES = ['status', 'sync', 'connection-close', 'connection-error', 'closed']

export class Peer {
  constructor({ provider, url, room, params, headers }) {
    this.doc = new Y.Doc()
    this.sockets = []
    this.frames = []
    this.closed = null
    this.waiting = new Set()
    this.provider = new PROVIDERS[provider](url, room, this.doc, {
      params,
      disableBc: true,
      WebSocketPolyfill: this.#watchedSocket(headers),
    })
    this.awareness = this.provider.awareness
    this.provider.on('closed', (event) => {
      this.closed = event
    })
    for (const name of CHANGES) this.provider.on(name, () => this.#changed())
    this.doc.on('update', () => this.#changed())
    this.awareness.on('change', () => this.#changed())
  }

  /** Run `source` in one transaction, with `doc`, `awareness` and `Y` in scope. */
  edit(source) {
    const body = new Function('doc', 'awareness', 'Y', source)
    this.doc.transact(() => body(this.doc, this.awareness, Y))
  }

  /** The value of the expression `source`, as JSON. */
  read(source) {
    return toJson(new Function('doc', 'awareness', 'Y', `return (${source})`)(this.doc, this.awareness, Y))
  }

  async sees(source, expected, within) {
    const check = () => isDeepStrictEqual(this.read(source), expected)
    await this.#until(check, within, () => `it sees ${JSON.stringify(this.read(source)).slice(0, 2000)}`)
  }

  async synced(within) {
    await this.#until(() => this.provider.synced, within, () => 'it is not synced')
  }

  async closes(count, within) {
    const closed = () => this.sockets.filter((socket) => socket.code !== null).length
    await this.#until(() => closed() >= count, within, () => `${closed()} of its sockets closed`)
  }

  async receives(pattern, within) {
    const fits = (frame) => Object.keys(pattern).every((key) => isDeepStrictEqual(frame[key], pattern[key]))
    await this.#until(
      () => this.frames.some(fits),
      within,
      () => `it received ${JSON.stringify(this.frames.slice(-5)).slice(0, 2000)}`,
    )
    return this.frames.find(fits)
  }

  /** What the record holds of this client's connections. */
  connection() {
    return { synced: this.provider.synced, closed: this.closed, sockets: this.sockets }
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

  #watchedSocket(headers) {
    const peer = this
    return class extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols, { headers })
        const record = { opened: false, code: null, reason: '', held: 0 }
        let openedAt = 0
        peer.sockets.push(record)
        this.on('open', () => {
          openedAt = performance.now()
          record.opened = true
        })
        this.on('message', (data) => {
          peer.frames.push(describeFrame(new Uint8Array(data)))
          peer.#changed()
        })
        this.on('close', (code, reason) => {
          record.held = record.opened ? (performance.now() - openedAt) / 1000 : 0
          record.code = code
          record.reason = reason.toString()
          peer.#changed()
        })
      }
    }
  }

  /** The provider handles what happened first, then the conditions are looked at. */
  #changed() {
    if (this.waiting.size > 0) setImmediate(() => this.waiting.forEach((look) => look()))
  }

  #until(check, within, otherwise) {
    return new Promise((resolve, reject) => {
      const settle = (finish) => {
        this.waiting.delete(look)
        clearTimeout(deadline)
        finish()
      }
      const look = () => {
        if (check()) settle(resolve)
      }
      const deadline = setTimeout(
        () => settle(() => reject(new Error(`after ${within} ms ${otherwise()}`))),
        within,
      )
      this.waiting.add(look)
      look()
    })
  }
}
