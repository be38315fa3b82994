/**
 * One tab's part in syncing: it leads (one socket for all tabs of this origin), or it follows.
 *
 * In: the store, a way to make a link, and the board on which the status is shown. Out: edits folded and sent,
 * presence carried, the status kept true. Followers write rows and log records, nothing else; the leading tab
 * hears of them through the storage.
 */
import type { Link } from './contract.js'
import { PresenceHub, type PresenceMessages } from './presence-hub.js'
import type { Shared, StatusBoard } from './status.js'
import type { DeviceStore } from './storage/device-store.js'
import { PendingCount } from './sync/pending-count.js'
import { Syncing } from './sync/syncing.js'
import { type Bus, createBus } from './tabs/bus.js'
import { type Leadership, lead } from './tabs/leadership.js'

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

export class Tab {
  readonly presence: PresenceHub
  readonly #options: TabOptions
  readonly #bus: Bus<TabMessages>
  readonly #stopListening: readonly (() => void)[]
  #leadership: Leadership | null = null
  readonly #syncing: Syncing
  readonly #count: PendingCount

  constructor(options: TabOptions) {
    this.#options = options
    const { store } = options
    this.#bus = createBus<TabMessages>(`whs:${store.db.name}`)
    this.presence = new PresenceHub(this.#bus)
    this.#count = new PendingCount(store, options.board, options.failed)
    this.#syncing = new Syncing({
      store,
      createLink: options.createLink,
      prepare: () => store.lead(),
      linked: (link) => (link ? this.presence.lead(link) : this.presence.follow()),
      changed: () => this.#tellAll(),
      failed: options.failed,
    })
    this.#stopListening = [
      this.#bus.on('shared', (shared) => this.#show(shared)),
      this.#bus.on('ask', () => this.#tellAll()),
      this.#bus.on('retry', () => this.#syncing.retry()),
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
    this.#count.refresh()
  }

  async stop(): Promise<void> {
    this.#count.stop()
    await this.#leadership?.stop()
    for (const stop of this.#stopListening) stop()
    this.presence.close()
    this.#bus.close()
  }

  /** Try at once whatever waits for a better time, in whichever tab leads. */
  retry(): void {
    if (!this.#syncing.retry()) this.#bus.send('retry', null)
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#options.board.update({ leader: true })
    await this.#syncing.run(signal)
    this.#options.board.update({ leader: false })
  }

  /** Something in the store has changed, in this tab or another. */
  #changed(): void {
    this.#syncing.written()
    this.#count.refresh()
  }

  #tellAll(): void {
    const { shared } = this.#syncing
    if (shared === null) return
    this.#show(shared)
    this.#bus.send('shared', shared)
    this.#count.refresh()
  }

  #show(shared: Shared): void {
    const { lastDurableAt } = this.#options.board.status
    this.#options.board.update({ ...shared, lastDurableAt: shared.lastDurableAt ?? lastDurableAt })
  }
}
