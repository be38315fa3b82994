/**
 * Chooses which tracks are on the connection: the newest ones that have something to send, a few at a time, so
 * that a backlog of weeks does not stand before the position of this minute. One that has sent everything stays
 * until another needs its place: a vehicle that is on its way comes again with every fix. One that the server keeps
 * out has no place until `retry`. Knows no fixes and no frames.
 */
import type { TrackStore } from '../positions/track-store.js'
import { Serial } from './serial.js'
import type { Synchronizer } from './synchronizer.js'

const AT_ONCE = 4

export class TrackFeed {
  readonly #tracks: TrackStore
  readonly #synchronizer: Synchronizer
  readonly #serial = new Serial()
  /** In the order of their last use. */
  readonly #attached = new Set<string>()
  readonly #denied = new Set<string>()
  #isDue = false
  #stopped = false

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

  /** The state of a document has changed: one that is kept out gives its place to another. */
  async changed(): Promise<void> {
    if (this.#isAnyDenied()) await this.refresh()
  }

  /** Ask again for those that the server kept out. */
  async retry(): Promise<void> {
    if (this.#denied.size === 0) return
    this.#denied.clear()
    await this.refresh()
  }

  /** Choose no more; resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#serial.idle()
  }

  #isAnyDenied(): boolean {
    return [...this.#attached].some((name) => this.#synchronizer.isDenied(name))
  }

  async #choose(): Promise<void> {
    this.#isDue = false
    if (this.#stopped) return
    await this.#putOutDenied()
    const waiting = (await this.#tracks.waiting()).filter((name) => !this.#denied.has(name))
    for (const name of waiting) {
      if (this.#attached.delete(name)) {
        this.#attached.add(name) // used last, put out last
        continue
      }
      if (this.#attached.size >= AT_ONCE && !(await this.#makeRoom(waiting))) return
      if (this.#stopped) return
      this.#attached.add(name)
      await this.#synchronizer.add(this.#tracks.replica(name))
    }
  }

  /** Put out the one that has had nothing to send for longest; none of those that are half sent. */
  async #makeRoom(waiting: readonly string[]): Promise<boolean> {
    const idle = [...this.#attached].find((name) => !waiting.includes(name))
    if (idle === undefined) return false
    await this.#putOut(idle)
    return true
  }

  async #putOutDenied(): Promise<void> {
    for (const name of [...this.#attached]) {
      if (!this.#synchronizer.isDenied(name)) continue
      this.#denied.add(name)
      await this.#putOut(name)
    }
  }

  async #putOut(name: string): Promise<void> {
    this.#attached.delete(name)
    await this.#synchronizer.remove(name)
  }
}
