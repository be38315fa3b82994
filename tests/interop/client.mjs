// What every client of the tests has, whatever provider it uses: a fresh Y.Doc, and beside it a record of
// every socket its provider opened and of every frame that arrived. Invariants:
//   1. Nothing here speaks the protocol for the provider; it is only watched.
//   2. `until` is checked again after each thing that can have changed, never by a timer.

import { isDeepStrictEqual } from 'node:util'

import WebSocket from 'ws'
import * as Y from 'yjs'

import { toJson } from './values.mjs'

/** Conditions that wait until something has changed. */
export class Watch {
  #waiting = new Set()

  /** What happened is handled by the provider first, then the conditions are looked at. */
  changed() {
    if (this.#waiting.size > 0) setImmediate(() => this.#waiting.forEach((look) => look()))
  }

  until(check, within, otherwise) {
    return new Promise((resolve, reject) => {
      const settle = (finish) => {
        this.#waiting.delete(look)
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
      this.#waiting.add(look)
      look()
    })
  }
}

/** The record of a provider's sockets, and the class with which it opens them. */
export class Sockets {
  all = []
  frames = []
  watches = new Set()

  constructor(describe, headers) {
    const record = this
    this.WebSocket = class extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols, { headers })
        const socket = { opened: false, code: null, reason: '', held: 0 }
        let openedAt = 0
        record.all.push(socket)
        this.on('open', () => {
          openedAt = performance.now()
          socket.opened = true
        })
        this.on('message', (data) => {
          record.frames.push(describe(new Uint8Array(data)))
          record.#changed()
        })
        this.on('close', (code, reason) => {
          socket.held = socket.opened ? (performance.now() - openedAt) / 1000 : 0
          socket.code = code
          socket.reason = reason.toString()
          record.#changed()
        })
      }
    }
  }

  #changed() {
    for (const watch of this.watches) watch.changed()
  }
}

/** A client; `provider` and `awareness` are set by whoever extends it. */
export class Client {
  doc = new Y.Doc()
  watch = new Watch()

  constructor(sockets) {
    this.sockets = sockets
    sockets.watches.add(this.watch)
    this.doc.on('update', () => this.watch.changed())
  }

  get frames() {
    return this.sockets.frames
  }

  /** Have the conditions looked at whenever one of these events comes. */
  listen(emitter, ...events) {
    for (const name of events) emitter.on(name, () => this.watch.changed())
  }

  /** Run `source` in one transaction, with `doc`, `awareness`, `provider` and `Y` in scope. */
  edit(source) {
    const body = new Function('doc', 'awareness', 'provider', 'Y', source)
    this.doc.transact(() => body(this.doc, this.awareness, this.provider, Y))
  }

  /** The value of the expression `source`, as JSON; `client` is in scope as well. */
  read(source) {
    const body = new Function('doc', 'awareness', 'provider', 'Y', 'client', `return (${source})`)
    return toJson(body(this.doc, this.awareness, this.provider, Y, this))
  }

  async sees(source, expected, within) {
    const check = () => isDeepStrictEqual(this.read(source), expected)
    const otherwise = () => `it sees ${JSON.stringify(this.read(source)).slice(0, 2000)}`
    await this.watch.until(check, within, otherwise)
  }

  async synced(within) {
    await this.watch.until(() => this.provider.synced, within, () => 'it is not synced')
  }

  async closes(count, within) {
    const closed = () => this.sockets.all.filter((socket) => socket.code !== null).length
    await this.watch.until(() => closed() >= count, within, () => `${closed()} of its sockets closed`)
  }

  async receives(pattern, within) {
    const fits = (frame) => Object.keys(pattern).every((key) => isDeepStrictEqual(frame[key], pattern[key]))
    await this.watch.until(
      () => this.frames.some(fits),
      within,
      () => `it received ${JSON.stringify(this.frames.slice(-5)).slice(0, 2000)}`,
    )
    return this.frames.find(fits)
  }
}
