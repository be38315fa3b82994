/**
 * Who else is here, and what they are doing right now. Never stored: it ends with the tab, or 30 s
 * after its last sign of life.
 *
 * Every tab has a presence of its own in a room; a follower's travels through the leading tab. The
 * bytes are those of y-protocols, so any Yjs client in the document `presence/{room}` takes part.
 */

import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness'
import { Doc } from 'yjs'
import type { Attachment, DocumentHandler, Link } from './contract.js'
import { tell } from './events.js'

export interface Other<State> {
  /** One tab or client; a person with two tabs is there twice. */
  readonly clientId: number
  readonly state: State
}

export interface Presence<State extends object = Record<string, unknown>> {
  readonly room: string
  /** Everybody but this tab. The array stays the same until somebody comes, goes or changes. */
  readonly others: readonly Other<State>[]
  /** Say what this tab is doing; null says goodbye. Values must be JSON. */
  set(state: State | null): void
  subscribe(listener: () => void): () => void
  /** Say goodbye and listen no more. */
  leave(): void
}

/** A room as this tab sees it. What this tab says goes out through `send`. */
export class PresenceRoom<State extends object> {
  readonly room: string
  readonly #document = new Doc()
  readonly #awareness: Awareness
  readonly #listeners = new Set<() => void>()
  #others: readonly Other<State>[] = []

  constructor(room: string, send: (update: Uint8Array) => void) {
    this.room = room
    this.#awareness = new Awareness(this.#document)
    this.#awareness.setLocalState(null)
    this.#awareness.on('update', (_: unknown, origin: unknown) => {
      if (origin === 'local') send(this.ownState())
      this.#refresh()
    })
  }

  get others(): readonly Other<State>[] {
    return this.#others
  }

  /** What this tab says of itself at the moment. */
  get said(): State | null {
    return this.#awareness.getLocalState() as State | null
  }

  set(state: State | null): void {
    this.#awareness.setLocalState(state)
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  leave(): void {
    this.set(null)
    this.#awareness.destroy()
    this.#document.destroy()
  }

  /** What this tab says of itself. */
  ownState(): Uint8Array {
    return encodeAwarenessUpdate(this.#awareness, [this.#awareness.clientID])
  }

  /** Say it once more under a new clock: those who have seen this tab leave would not believe the old one. */
  sayAgain(): void {
    if (this.said !== null) this.#awareness.setLocalState(this.said)
  }

  receive(update: Uint8Array): void {
    applyAwarenessUpdate(this.#awareness, update, 'remote')
  }

  /** The connection is gone, and with it everybody whom it told of. */
  forget(): void {
    forgetOthers(this.#awareness)
  }

  #refresh(): void {
    const others: Other<State>[] = []
    for (const [clientId, state] of this.#awareness.getStates()) {
      if (clientId !== this.#awareness.clientID) others.push({ clientId, state: state as State })
    }
    this.#others = others.sort((one, other) => one.clientId - other.clientId)
    for (const listener of [...this.#listeners]) tell(listener, undefined)
  }
}

/** Forget them with their clocks: they come back under the same ones, and must be believed. */
function forgetOthers(awareness: Awareness): void {
  const others = [...awareness.getStates().keys()].filter((id) => id !== awareness.clientID)
  removeAwarenessStates(awareness, others, 'remote')
  for (const id of others) awareness.meta.delete(id)
}

/** Everybody who was heard of in a room, for those who come later. Says nothing itself. */
export class PresenceMemory {
  readonly #document = new Doc()
  readonly #awareness = new Awareness(this.#document)

  constructor() {
    this.#awareness.setLocalState(null)
  }

  take(update: Uint8Array): void {
    applyAwarenessUpdate(this.#awareness, update, 'remote')
  }

  all(): Uint8Array {
    return encodeAwarenessUpdate(this.#awareness, [...this.#awareness.getStates().keys()])
  }

  forget(): void {
    forgetOthers(this.#awareness)
  }

  destroy(): void {
    this.#awareness.destroy()
    this.#document.destroy()
  }
}

export const PRESENCE_PREFIX = 'presence/'

/** Brings one room's presence to the connection and back; only in the leading tab. */
export class PresenceRelay implements DocumentHandler {
  readonly #attachment: Attachment
  readonly #received: (update: Uint8Array) => void
  readonly #connected: () => void
  readonly #lost: () => void
  #isOpen = false

  constructor(
    room: string,
    link: Link,
    events: { received(update: Uint8Array): void; connected(): void; lost(): void },
  ) {
    this.#received = events.received
    this.#connected = events.connected
    this.#lost = events.lost
    this.#attachment = link.attach(PRESENCE_PREFIX + room, this)
  }

  send(update: Uint8Array): void {
    if (this.#isOpen) this.#attachment.sendPresence(update)
  }

  stop(): void {
    this.#attachment.detach()
  }

  async hello(): Promise<{ epoch: string | null; stateVector: Uint8Array | null }> {
    return { epoch: null, stateVector: new Uint8Array([0]) }
  }

  async opened(): Promise<void> {
    this.#isOpen = true
    this.#connected()
  }

  presence(update: Uint8Array): void {
    this.#received(update)
  }

  offline(): void {
    this.#isOpen = false
    this.#lost()
  }

  async denied(): Promise<void> {
    this.offline()
  }

  // The document behind a room has no content, and nothing is written to it.
  async serverHas(): Promise<void> {}
  async updates(): Promise<void> {}
  async durable(): Promise<void> {}
  async refused(): Promise<void> {}
  held(): void {}
}
