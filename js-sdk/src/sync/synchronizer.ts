/**
 * Keeps every document of this device in step with the server, while this tab leads.
 *
 * In: replicas of the store, a link, and the news that something was written. Out: what the leading tab
 * knows of the state of things. It decides nothing about content; `DocumentSync` does one document.
 */

import type { BlockCode, Link, LinkState, Replica } from '../contract.js'
import type { Blocked, Shared } from '../status.js'
import { DocumentSync } from './document-sync.js'

/** Writes within this time are sent together: 300 single adds become 25 updates instead of 147. */
const FOLD_DELAY_MS = 50

export interface SynchronizerEvents {
  changed(): void
  failed(error: unknown): void
}

export class Synchronizer {
  readonly #link: Link
  readonly #events: SynchronizerEvents
  readonly #now: () => number
  readonly #documents = new Map<string, DocumentSync>()
  readonly #synced = new Set<string>()
  #wakeTimer: ReturnType<typeof setTimeout> | null = null
  #lastDurableAt: Date | null = null
  #stopListening: () => void = () => undefined

  constructor(link: Link, events: SynchronizerEvents, now: () => number = Date.now) {
    this.#link = link
    this.#events = events
    this.#now = now
  }

  start(): void {
    this.#stopListening = this.#link.onState(() => this.#events.changed())
    this.#link.start()
  }

  async stop(): Promise<void> {
    this.#stopListening()
    if (this.#wakeTimer !== null) clearTimeout(this.#wakeTimer)
    this.#link.stop()
    const documents = [...this.#documents.values()]
    this.#documents.clear()
    await Promise.all(documents.map((document) => document.stop()))
  }

  /** Sync a document from now on. */
  async add(replica: Replica): Promise<void> {
    const name = replica.document
    if (this.#documents.has(name)) return
    if ((await replica.hello()).synced) this.#synced.add(name)
    const document = new DocumentSync(replica, this.#link, {
      changed: () => {
        if (this.#documents.get(name)?.state.phase === 'live') this.#synced.add(name)
        this.#events.changed()
      },
      durable: () => {
        this.#lastDurableAt = new Date(this.#now())
        this.#events.changed()
      },
      failed: (error) => this.#events.failed(error),
    })
    this.#documents.set(name, document)
  }

  has(name: string): boolean {
    return this.#documents.has(name)
  }

  /** Whether the server keeps us out of it, until `retry`. */
  isDenied(name: string): boolean {
    return this.#documents.get(name)?.state.phase === 'denied'
  }

  async remove(name: string): Promise<void> {
    const document = this.#documents.get(name)
    this.#documents.delete(name)
    await document?.stop()
  }

  /** Something was written on this device. */
  written(): void {
    this.#wakeTimer ??= setTimeout(() => {
      this.#wakeTimer = null
      for (const document of this.#documents.values()) document.wake()
    }, FOLD_DELAY_MS)
  }

  /** Try at once whatever waits for a better time. */
  retry(): void {
    for (const document of this.#documents.values()) document.retry()
    this.#link.wake()
  }

  /** The state of things for everybody who shows it. */
  get shared(): Shared {
    // Tracks come and go with every vehicle; what an app waits for is its tables.
    const documents = [...this.#documents.entries()].filter(([, document]) => document.receives)
    const { state } = this.#link
    const connected = state.phase === 'open'
    const settled = documents.every(([, { state }]) => state.phase === 'live' || state.phase === 'denied')
    const blocked = connected ? heldUp(documents) : blockedBy(state)
    const open = blocked ? 'blocked' : settled ? 'live' : 'syncing'
    // Without documents nothing is dialed: all is in step, without a connection.
    const isOpen = connected || (state.phase === 'connecting' && this.#documents.size === 0)
    return {
      phase: state.phase === 'stopped' ? 'connecting' : isOpen ? open : state.phase,
      connected,
      synced: documents.every(([name]) => this.#synced.has(name)),
      received: [...this.#documents.values()].reduce((sum, document) => sum + document.received, 0),
      lastDurableAt: this.#lastDurableAt,
      readOnly: documents
        .filter(([, { state }]) => !state.writable || state.phase === 'denied')
        .map(([name]) => name.replace(/^tables\//, '')),
      blocked,
    }
  }
}

/** The first table that the server can't let us into now, or takes no edits of, though it speaks with us. */
function heldUp(documents: readonly (readonly [string, DocumentSync])[]): Blocked | null {
  for (const [name, { state }] of documents) {
    const reason = state.held ?? (state.phase === 'waiting' ? state.denial : null)
    if (reason === null) continue
    const { code, message } = reason
    return { code: HELD_UP[code] ?? 'maintenance', hint: `${name}: ${message}`, retryAt: null }
  }
  return null
}

const HELD_UP: Readonly<Record<string, BlockCode>> = {
  too_many_requests: 'rate-limited',
  too_large: 'quota',
}

function blockedBy(state: LinkState): Blocked | null {
  if (state.phase !== 'blocked') return null
  const retryAt = state.retryAt === null ? null : new Date(state.retryAt)
  return { code: state.code, hint: state.hint, retryAt }
}
