/**
 * Chooses which tracks are on the connection: the newest ones that have something to send, a few at a time, so
 * that a backlog of weeks does not stand before the position of this minute. Knows no fixes and no frames.
 */
import type { TrackStore } from '../positions/track-store.js'
import { Serial } from './serial.js'
import type { Synchronizer } from './synchronizer.js'

const AT_ONCE = 4

export class TrackFeed {
  readonly #tracks: TrackStore
  readonly #synchronizer: Synchronizer
  readonly #serial = new Serial()
  readonly #attached = new Set<string>()
  #isDue = false

  constructor(tracks: TrackStore, synchronizer: Synchronizer) {
    this.#tracks = tracks
    this.#synchronizer = synchronizer
  }

  /** Something was recorded, or has become durable. */
  refresh(): Promise<void> {
    if (this.#isDue) return this.#serial.idle()
    this.#isDue = true
    return this.#serial.run(() => this.#choose())
  }

  async #choose(): Promise<void> {
    this.#isDue = false
    const waiting = await this.#tracks.waiting()
    for (const name of waiting.slice(0, AT_ONCE)) {
      if (this.#attached.has(name)) continue
      if (!(await this.#makeRoom(waiting))) return
      this.#attached.add(name)
      await this.#synchronizer.add(this.#tracks.replica(name))
    }
  }

  /**
   * A track with nothing left makes room, a newer one does not push out what is half sent. Only where room is wanted:
   * the next fix of a drive comes in a second, and each stay costs a handshake and a client id for ever.
   */
  async #makeRoom(waiting: readonly string[]): Promise<boolean> {
    if (this.#attached.size < AT_ONCE) return true
    const idle = [...this.#attached].find((name) => !waiting.includes(name))
    if (idle === undefined) return false
    this.#attached.delete(idle)
    await this.#synchronizer.remove(idle)
    return true
  }
}
