/**
 * One tab's part in syncing: it leads (one socket for all tabs of this origin), or it follows. Lives for as long as
 * the store is open: what is pending is counted, and rooms are kept, also while it takes no part.
 *
 * In: the store, a way to make a link, and the board on which the status is shown. Out: edits folded and sent,
 * presence carried, the status kept true. Followers write rows and log records, nothing else; the leading tab
 * hears of them through the storage.
 */
import type { Link } from './contract.js'
import { PresenceHub, type PresenceMessages } from './presence-hub.js'
import { AWAY, type Shared, type StatusBoard } from './status.js'
import type { DeviceStore } from './storage/device-store.js'
import { PendingCount } from './sync/pending-count.js'
import { Syncing } from './sync/syncing.js'
import { type Bus, createBus } from './tabs/bus.js'
import { type Leadership, lead } from './tabs/leadership.js'

interface TabMessages extends PresenceMessages {
  /** From the leading tab: the state of things, and of which tables. */
  shared: { readonly state: Partial<Shared>; readonly tables: readonly string[] }
  /** A tab has come and knows nothing yet. */
  ask: null
  /** Somebody wants a try at once. */
  retry: null
  /** From the leading tab: so many positions that waited are lost. */
  dropped: number
}

export interface TabOptions {
  readonly store: DeviceStore
  readonly board: StatusBoard
  readonly createLink: () => Link
  readonly failed: (error: unknown) => void
  /** So many positions of this device are lost: told in every tab. */
  readonly dropped?: (positions: number) => void
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
      failed: (error) => this.#failed(error),
      dropped: (positions) => {
        this.#dropped(positions)
        this.#bus.send('dropped', positions)
      },
    })
    this.#stopListening = [
      this.#bus.on('shared', ({ state, tables }) => this.#hear(state, tables)),
      this.#bus.on('ask', () => this.#tellAll()),
      this.#bus.on('dropped', (positions) => this.#dropped(positions)),
      this.#bus.on('retry', () => this.#syncing.retry()),
      store.onWrite(() => this.#count.wrote()),
      store.onChange(() => this.#changed()),
    ]
    this.#count.refresh()
  }

  /** Count what is pending at once; resolves when the board shows it. */
  counted(): Promise<void> {
    return this.#count.now()
  }

  /** Take part from now on, or again. */
  start(): void {
    this.presence.resume()
    this.#leadership = lead({
      name: `whs:${this.#options.store.db.name}`,
      tables: this.#options.store.tables(),
      onLead: (signal) => this.#lead(signal),
      onFollow: () => this.#bus.send('ask', null),
    })
    this.#count.refresh()
  }

  /** Take no part for now; who listens, and what is said in rooms, stays for the next start. */
  async stop(): Promise<void> {
    this.presence.pause()
    const leadership = this.#leadership
    this.#leadership = null
    await leadership?.stop()
  }

  /** Stop for good. */
  async close(): Promise<void> {
    await this.stop()
    this.#count.stop()
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
    this.#tell(shared)
    this.#count.refresh()
  }

  /** Until all is begun anew there is no connection, and nobody may read of the one that was. */
  #failed(error: unknown): void {
    if (this.#syncing.shared === null && this.#options.board.status.leader) this.#tell(AWAY)
    this.#options.failed(error)
  }

  #dropped(positions: number): void {
    this.#count.refresh()
    this.#options.dropped?.(positions)
  }

  #tell(shared: Partial<Shared>): void {
    this.#show(shared)
    this.#bus.send('shared', { state: shared, tables: this.#options.store.tables() })
  }

  /** A leader that lacks tables of ours (an older version of the app) does not know whether all is in step. */
  #hear(state: Partial<Shared>, tables: readonly string[]): void {
    const isLess = !this.#options.store.tables().every((name) => tables.includes(name))
    const phase = state.phase === 'live' ? 'syncing' : state.phase
    this.#show(isLess ? { ...state, synced: false, ...(phase && { phase }) } : state)
  }

  #show(shared: Partial<Shared>): void {
    if (this.#leadership === null) return
    const { lastDurableAt } = this.#options.board.status
    this.#options.board.update({ ...shared, lastDurableAt: shared.lastDurableAt ?? lastDurableAt })
  }
}
