/**
 * Keeps one Dexie connection alive. Browsers close IndexedDB underneath a page (out of memory, storage cleared, a
 * phone that slept); Dexie reopens when a transaction can't begin, this also when one died half way.
 */
import type { Dexie } from 'dexie'
import { StorageUnavailable } from '../errors.js'

const DEAD = new Set(['InvalidStateError', 'DatabaseClosedError', 'UnknownError', 'OpenFailedError'])
const PAUSES_MS = [0, 50, 200, 800, 3200]

export class Connection {
  #reopening: Promise<boolean> | null = null
  #isWanted = false

  constructor(
    private readonly db: Dexie,
    /** Told true when the connection has died, and false when it is back. */
    private readonly degraded: (isDegraded: boolean) => void,
  ) {}

  /** Whether the app wants it open: a connection that the app has closed is not dead. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted
  }

  /** False: the error has another reason. Throws `StorageUnavailable` when the connection does not come back. */
  revive(error: unknown): Promise<boolean> {
    const name = (error as { name?: string } | null)?.name ?? ''
    if (!this.#isWanted || !DEAD.has(name)) return Promise.resolve(false)
    this.#reopening ??= this.#reopen(error).finally(() => {
      this.#reopening = null
    })
    return this.#reopening
  }

  async #reopen(cause: unknown): Promise<boolean> {
    this.degraded(true)
    for (const pause of PAUSES_MS) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
      if (!this.#isWanted) return false
      try {
        this.db.close({ disableAutoOpen: false })
        await this.db.open()
        this.degraded(false)
        return true
      } catch {} // The next pause is longer.
    }
    throw new StorageUnavailable('The browser has closed the database and does not open it again.', { cause })
  }
}
