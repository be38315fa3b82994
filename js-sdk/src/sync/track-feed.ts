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
    const wanted = waiting.slice(0, AT_ONCE)
    for (const name of [...this.#attached]) {
      // One with nothing left makes room; a newer one does not push out what is half sent.
      if (waiting.includes(name)) continue
      this.#attached.delete(name)
      await this.#synchronizer.remove(name)
    }
    for (const name of wanted) {
      if (this.#attached.size >= AT_ONCE || this.#attached.has(name)) continue
      this.#attached.add(name)
      await this.#synchronizer.add(this.#tracks.replica(name))
    }
  }
}
