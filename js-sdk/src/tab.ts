/**
 * One tab's part in syncing: it leads (one socket for all tabs of this origin), or it follows.
 *
 * In: the store, a way to make a link, and the board on which the status is shown. Out: edits folded and sent,
 * presence carried, the status kept true. Followers write rows and log records, nothing else; the leading tab
 * hears of them through the storage.
 */
import type { Link } from './contract.js'
import { NotLeading } from './errors.js'
import { TrackStore } from './positions/track-store.js'
import { PresenceHub, type PresenceMessages } from './presence-hub.js'
import type { Shared, StatusBoard } from './status.js'
import type { DeviceStore } from './storage/device-store.js'
import { Synchronizer } from './sync/synchronizer.js'
import { TrackFeed } from './sync/track-feed.js'
import { type Bus, createBus } from './tabs/bus.js'
import { type Leadership, lead } from './tabs/leadership.js'
import { pause } from './until.js'

interface TabMessages extends PresenceMessages {
  /** From the leading tab: the state of things. */
  shared: Shared
  /** A tab has come and knows nothing yet. */
  ask: null
  /** Somebody wants a try at once. */
  retry: null
}

export interface TabOptions {
  readonly store: DeviceStore
  readonly board: StatusBoard
  readonly createLink: () => Link
  readonly failed: (error: unknown) => void
}

/** After a transaction has failed: the first pause before all is tried anew, and the longest. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

export class Tab {
  readonly presence: PresenceHub
  readonly #options: TabOptions
  readonly #bus: Bus<TabMessages>
  readonly #stopListening: readonly (() => void)[]
  #leadership: Leadership | null = null
  readonly #tracks: TrackStore
  #synchronizer: Synchronizer | null = null
  #feed: TrackFeed | null = null
  #failures = 0
  #counting: Promise<void> | null = null
  #countAgain = false
  #stopped = false

  constructor(options: TabOptions) {
    this.#options = options
    const { store } = options
    this.#bus = createBus<TabMessages>(`whs:${store.db.name}`)
    this.presence = new PresenceHub(this.#bus)
    this.#tracks = new TrackStore(store)
    this.#stopListening = [
      this.#bus.on('shared', (shared) => this.#show(shared)),
      this.#bus.on('ask', () => this.#tellAll()),
      this.#bus.on('retry', () => this.#synchronizer?.retry()),
      store.onChange(() => this.#changed()),
    ]
  }

  /** Take part from now on. */
  start(): void {
    this.#leadership = lead({
      name: `whs:${this.#options.store.db.name}`,
      onLead: (signal) => this.#lead(signal),
      onFollow: () => this.#bus.send('ask', null),
    })
    this.#count()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#leadership?.stop()
    for (const stop of this.#stopListening) stop()
    this.presence.close()
    this.#bus.close()
  }

  /** Try at once whatever waits for a better time, in whichever tab leads. */
  retry(): void {
    if (this.#synchronizer === null) this.#bus.send('retry', null)
    else this.#synchronizer.retry()
  }

  /** Lead until the signal; begin anew where the storage fails. */
  async #lead(signal: AbortSignal): Promise<void> {
    this.#options.board.update({ leader: true })
    while (!signal.aborted) {
      const failure = await this.#leadOnce(signal)
      if (failure instanceof NotLeading || signal.aborted) break
      this.#failures++
      this.#options.failed(failure)
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS), signal)
    }
    this.#options.board.update({ leader: false })
  }

  /** Lead until the signal or a failure, which is returned. */
  async #leadOnce(signal: AbortSignal): Promise<unknown> {
    const { store, createLink } = this.#options
    let fail: (error: unknown) => void = () => undefined
    const failure = new Promise<unknown>((resolve) => {
      fail = resolve
      signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
    })
    try {
      await store.lead()
    } catch (error) {
      return error
    }
    const link = createLink()
    const synchronizer = new Synchronizer(link, { changed: () => this.#tellAll(), failed: fail })
    this.#synchronizer = synchronizer
    this.#feed = new TrackFeed(this.#tracks, synchronizer)
    try {
      await this.#tracks.tidy(Date.now())
      for (const table of store.tables()) await synchronizer.add(store.replica(table))
      synchronizer.start()
      this.presence.lead(link)
      this.#changed()
      return await failure
    } catch (error) {
      return error
    } finally {
      this.#synchronizer = null
      this.#feed = null
      this.presence.follow()
      await synchronizer.stop()
    }
  }

  /** Something in the store has changed, in this tab or another. */
  #changed(): void {
    this.#synchronizer?.written()
    this.#feed?.refresh().catch(this.#options.failed)
    this.#count()
  }

  #tellAll(): void {
    if (this.#synchronizer === null) return
    const { shared } = this.#synchronizer
    if (shared.phase === 'live') this.#failures = 0
    this.#show(shared)
    this.#bus.send('shared', shared)
    this.#count()
  }

  #show(shared: Shared): void {
    const { lastDurableAt } = this.#options.board.status
    this.#options.board.update({ ...shared, lastDurableAt: shared.lastDurableAt ?? lastDurableAt })
  }

  /** Count what is not durable, at once and not twice at the same time. */
  #count(): void {
    if (this.#counting !== null) {
      this.#countAgain = true
      return
    }
    const { store } = this.#options
    this.#counting = Promise.all([store.pending(), store.shelved()])
      .then(([{ edits, oldestAt }, rejected]) => {
        const oldestPendingAt = oldestAt === null ? null : new Date(oldestAt)
        this.#options.board.update({ pending: edits, oldestPendingAt, rejected })
      }, this.#options.failed)
      .finally(() => {
        this.#counting = null
        if (this.#countAgain && !this.#stopped) this.#count()
        this.#countAgain = false
      })
  }
}
