/**
 * Keeps one Dexie connection alive, and to the same store. Browsers close IndexedDB underneath a page (out of memory,
 * storage cleared, a phone that slept); Dexie reopens when a transaction can't begin, this also when one died half
 * way. But where the database was deleted, to reopen it would make another one, in which counters begin anew under
 * the old names: nothing is opened then, every call fails with `StoreDeleted`, and that is told.
 */
import type { Dexie } from 'dexie'
import { StorageUnavailable, StoreDeleted } from '../errors.js'
import type { StateRecord } from './records.js'

const DEAD = new Set(['InvalidStateError', 'DatabaseClosedError', 'UnknownError', 'OpenFailedError'])
const PAUSES_MS = [0, 50, 200, 800, 3200]

export interface ConnectionEvents {
  /** True when the connection has died, and false when it is back. */
  degraded(isDegraded: boolean): void
  /** The store is gone; told once. */
  deleted(): void
}

export class Connection {
  #reopening: Promise<boolean> | null = null
  /** The store that the app wants open; null: none. A connection that the app has closed is not dead. */
  #wanted: string | null = null
  #isDeleted = false

  constructor(
    private readonly db: Dexie,
    private readonly events: ConnectionEvents,
  ) {
    // Whoever opens the connection again, nothing comes before this.
    db.on('ready', (open) => this.#check(open as Dexie), true)
    // `install` makes the databases; where Dexie is about to, the one that was there is gone.
    db.on('populate', () => this.#lose())
    db.on('versionchange', (event) => {
      if (event.newVersion) return true
      db.close({ disableAutoOpen: false }) // or whoever deletes it would wait for us
      return false
    })
    db.on('close', () => {
      // Not by the app: look at once, or a page that only reads would never hear of it.
      setTimeout(() => this.#wanted !== null && !db.hasBeenClosed() && db.open().catch(() => undefined))
    })
  }

  /** From now on the app wants this store and no other, by its install id; null: none. */
  want(installId: string | null): void {
    this.#wanted = installId
    this.#isDeleted = false
  }

  /** False: the error has another reason. Throws `StorageUnavailable` when the connection does not come back. */
  revive(error: unknown): Promise<boolean> {
    const name = (error as { name?: string } | null)?.name ?? ''
    if (this.#wanted === null || !DEAD.has(name)) return Promise.resolve(false)
    this.#reopening ??= this.#reopen(error).finally(() => {
      this.#reopening = null
    })
    return this.#reopening
  }

  async #reopen(cause: unknown): Promise<boolean> {
    this.events.degraded(true)
    for (const pause of PAUSES_MS) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
      if (this.#wanted === null) return false
      try {
        this.db.close({ disableAutoOpen: false })
        await this.db.open()
        this.events.degraded(false)
        return true
      } catch {} // The next pause is longer.
    }
    throw new StorageUnavailable('The browser has closed the database and does not open it again.', { cause })
  }

  #check(open: Dexie): PromiseLike<void> | undefined {
    if (this.#isDeleted) this.#lose()
    const wanted = this.#wanted
    if (wanted === null) return
    const state = open.table<StateRecord, string>('$state')
    return state.get('install').then((record) => {
      if (record?.v !== wanted) this.#lose()
    })
  }

  #lose(): never {
    const isNews = this.#wanted !== null
    this.#isDeleted = true
    this.#wanted = null
    if (isNews) this.events.deleted()
    throw new StoreDeleted()
  }
}

/** Dexie gives its callers the reason why it can't open inside an error of its own. */
export function reasonOf(error: unknown): unknown {
  const { inner } = (error ?? {}) as { inner?: unknown }
  return inner instanceof StoreDeleted ? inner : error
}
