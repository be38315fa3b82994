/**
 * Remembers the newest positions on this device, so that a map without a network is not empty after a reload. In:
 * what `LatestPositions` knows. Out: the same, at the next start. Knows no network; nothing is lost with it but a
 * picture, so it is written now and then and not with each fix.
 */
import type { Stores } from '../engine/stores.js'
import type { LatestPositions } from './latest.js'
import type { Position } from './position.js'

/** Ten thousand positions are 1 MB a write. */
const WRITE_EVERY_MS = 10_000
/** The first write comes sooner: who looks at a map for a moment may want it again. */
const FIRST_WRITE_MS = 1_000

/** Where it is kept: in the store of the device, once that is open. */
export interface MemoryHost {
  transact<T>(work: (tx: Stores) => Promise<T>): Promise<T>
  installId(): string | null
}

export class LatestMemory {
  readonly #host: MemoryHost
  readonly #latest: LatestPositions
  #timer: ReturnType<typeof setTimeout> | null = null
  #isRead = false
  #delay = FIRST_WRITE_MS

  constructor(host: MemoryHost, latest: LatestPositions) {
    this.#host = host
    this.#latest = latest
  }

  /** Bring back what was known; positions that are newer by now stay. Does nothing the second time. */
  async recall(): Promise<void> {
    if (this.#isRead || this.#host.installId() === null) return
    this.#isRead = true
    const known = await this.#host.transact((tx) => tx.state.get('latest')).catch(() => undefined)
    this.#latest.merge((known as readonly Position[] | undefined) ?? [])
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

  async #write(): Promise<void> {
    if (this.#host.installId() === null) return
    const positions = [...this.#latest.positions.values()]
    // A full disk must not disturb whoever looks at the map; what matters is stored elsewhere, and fails aloud.
    await this.#host.transact((tx) => tx.state.put('latest', positions)).catch(() => undefined)
  }
}
