/**
 * Remembers the newest positions on this device, so that a map without a network is not empty after a reload. In:
 * what `LatestPositions` knows. Out: the same, at the next start. Knows no network; nothing is lost with it but a
 * picture, so it is written now and then and not with each fix.
 */
import type { Dexie } from 'dexie'
import type { StateRecord } from '../storage/records.js'
import type { LatestPositions } from './latest.js'
import type { Position } from './position.js'

/** Ten thousand positions are 1 MB a write. */
const WRITE_EVERY_MS = 10_000
/** The first write comes sooner: who looks at a map for a moment may want it again. */
const FIRST_WRITE_MS = 1_000

export class LatestMemory {
  readonly #db: Dexie
  readonly #latest: LatestPositions
  #timer: ReturnType<typeof setTimeout> | null = null
  #isRead = false
  #delay = FIRST_WRITE_MS

  constructor(db: Dexie, latest: LatestPositions) {
    this.#db = db
    this.#latest = latest
  }

  /** Bring back what was known; positions that are newer by now stay. Does nothing the second time. */
  async recall(): Promise<void> {
    if (this.#isRead || !this.#db.isOpen()) return
    this.#isRead = true
    const record = await this.#state.get('latest').catch(() => undefined)
    this.#latest.merge((record?.v as readonly Position[] | undefined) ?? [])
  }

  /** Something has changed, and is to be kept soon. */
  readonly note = (): void => {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#delay = WRITE_EVERY_MS
      void this.#write()
    }, this.#delay)
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  get #state() {
    return this.#db.table<StateRecord, string>('$state')
  }

  async #write(): Promise<void> {
    if (!this.#db.isOpen()) return
    const v = [...this.#latest.positions.values()]
    // A full disk must not disturb whoever looks at the map; what matters is stored elsewhere, and fails aloud.
    await this.#state.put({ k: 'latest', v }).catch(() => undefined)
  }
}
