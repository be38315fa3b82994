/**
 * What an app may show about saving and connecting, as one value that changes as a whole.
 *
 * Three levels, named the same everywhere:
 *
 *     device    the write is in IndexedDB: the promise of `add`, `put`, … has resolved
 *     received  the server has read it
 *     durable   Postgres has committed it: only now it survives the loss of this device
 *
 * Pure: facts in, a snapshot out. Knows no storage, no socket and no clock.
 */

import type { BlockCode } from './contract.js'
import { tell } from './events.js'

/**
 *     closed ──connect──> opening ──> offline <──> connecting ──> syncing ──> live
 *                                        any of these ──> blocked
 */
export type Phase = 'closed' | 'opening' | 'offline' | 'connecting' | 'syncing' | 'live' | 'blocked'

export interface Blocked {
  /** `device-lost`: this device's store was deleted while it was in use; nothing can be written until it is begun anew. */
  readonly code: BlockCode | 'device-lost'
  /** When the next try is made by itself; null where something must change first, or nobody knows. */
  readonly retryAt: Date | null
  /** What a person can do. */
  readonly hint: string
}

export interface StorageStatus {
  /** Whether the browser has promised not to delete the data by itself. */
  readonly persisted: boolean
  /** Writes fail at the moment, and are tried again. */
  readonly degraded: boolean
}

export interface SyncStatus {
  readonly phase: Phase
  /** Signed in, and the server has shown life within the last 35 s. */
  readonly connected: boolean
  /** Every table has had its first sync on this device. */
  readonly synced: boolean
  /** Row edits and positions that are on this device and not yet durable on the server. */
  readonly pending: number
  /** How many of those the server has read, but not yet committed. */
  readonly received: number
  readonly oldestPendingAt: Date | null
  readonly lastDurableAt: Date | null
  /** Edits on the shelf: the server refused them, or their row was deleted elsewhere. */
  readonly rejected: number
  /** Positions that were lost here before they could be sent, ever since this device began: more than it keeps. */
  readonly dropped: number
  /** Tables that this key or token may not write. */
  readonly readOnly: readonly string[]
  readonly blocked: Blocked | null
  /** Whether this tab holds the connection for all tabs. */
  readonly leader: boolean
  readonly storage: StorageStatus
}

export const CLOSED: SyncStatus = Object.freeze({
  phase: 'closed',
  connected: false,
  synced: false,
  pending: 0,
  received: 0,
  oldestPendingAt: null,
  lastDurableAt: null,
  rejected: 0,
  dropped: 0,
  readOnly: Object.freeze([]),
  blocked: null,
  leader: false,
  storage: Object.freeze({ persisted: false, degraded: false }),
})

/** What the leading tab knows, and tells the others. */
export type Shared = Pick<
  SyncStatus,
  'phase' | 'connected' | 'synced' | 'received' | 'lastDurableAt' | 'readOnly' | 'blocked'
>

/** While no connection is even tried: what was known of the server is not known any more. */
export const AWAY = Object.freeze({ phase: 'connecting', connected: false, received: 0, blocked: null })

/** Of a device whose store is gone. */
export const GONE = Object.freeze({
  phase: 'blocked',
  connected: false,
  synced: false,
  pending: 0,
  received: 0,
  oldestPendingAt: null,
  rejected: 0,
  leader: false,
})

/** Holds the newest snapshot. The object stays the same until something in it has changed. */
export class StatusBoard {
  #status: SyncStatus = CLOSED
  readonly #listeners = new Set<(status: SyncStatus) => void>()

  get status(): SyncStatus {
    return this.#status
  }

  update(change: Partial<SyncStatus>): void {
    const next = { ...this.#status, ...change }
    if (isEqual(next, this.#status)) return
    this.#status = Object.freeze(next)
    for (const listener of [...this.#listeners]) tell(listener, this.#status)
  }

  subscribe(listener: (status: SyncStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

/** Deep equality for what a status holds: JSON values and dates. */
function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (one instanceof Date || other instanceof Date) {
    return one instanceof Date && other instanceof Date && one.getTime() === other.getTime()
  }
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => isEqual(one[name as never], other[name as never]))
  )
}
