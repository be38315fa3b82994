/**
 * Syncs everything that a store keeps until it is told to stop, and begins anew where the storage fails. In: the
 * store, and a way to make a link. Out: the state of things, whenever it changes. Knows no tabs and no database.
 */
import type { Link, Replica } from '../contract.js'
import type { EngineShell } from '../engine/shell.js'
import { NotLeading } from '../errors.js'
import { RETENTION, type Retention, TrackStore } from '../positions/track-store.js'
import type { Shared } from '../status.js'
import { pause } from '../until.js'
import { Synchronizer } from './synchronizer.js'
import { TrackFeed } from './track-feed.js'

export interface SyncedStore {
  readonly shell: EngineShell
  /** Names of the synced tables. */
  tables(): string[]
  replica(table: string): Replica
}

export interface SyncingOptions {
  readonly store: SyncedStore
  readonly createLink: () => Link
  /** Before each beginning: what it throws is a failure of the storage. */
  readonly prepare?: () => Promise<void>
  /** The link that is used from now on, before it dials; null: none. */
  readonly linked?: (link: Link | null) => void
  readonly changed: () => void
  readonly failed: (error: unknown) => void
  /** So many waiting positions had no room any more: they are lost. */
  readonly dropped?: (positions: number) => void
  readonly retention?: Retention
}

/** After a transaction has failed: the first pause before all is tried anew, and the longest. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

/** Devices run for months. */
const TIDY_EVERY_MS = 3_600_000

export class Syncing {
  readonly #options: SyncingOptions
  #synchronizer: Synchronizer | null = null
  #feed: TrackFeed | null = null
  #failures = 0
  #wasConnected = false

  constructor(options: SyncingOptions) {
    this.#options = options
  }

  /** What is known of the server now; null between two beginnings. */
  get shared(): Shared | null {
    return this.#synchronizer?.shared ?? null
  }

  /** Sync until the signal, or until another tab leads. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const failure = await this.#runOnce(signal)
      if (failure instanceof NotLeading || signal.aborted) return
      this.#failures++
      this.#options.failed(failure)
      await pause(Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS), signal)
    }
  }

  /** Something was written to the store. */
  written(): void {
    this.#synchronizer?.written()
    this.#feed?.refresh().catch(this.#failed)
  }

  /** Try at once whatever waits for a better time. Returns whether there is anything that could. */
  retry(): boolean {
    this.#synchronizer?.retry()
    this.#feed?.retry().catch(this.#failed)
    return this.#synchronizer !== null
  }

  /** Until the signal or a failure, which is returned. */
  async #runOnce(signal: AbortSignal): Promise<unknown> {
    const { store, createLink, prepare, linked } = this.#options
    let fail: (error: unknown) => void = () => undefined
    const failure = new Promise<unknown>((resolve) => {
      fail = resolve
    })
    const abort = () => fail(signal.reason)
    try {
      await prepare?.()
    } catch (error) {
      return error
    }
    if (signal.aborted) return signal.reason
    signal.addEventListener('abort', abort)
    // Anew each time: another tab may have led meanwhile, and what a track appended last is no longer its end.
    const tracks = new TrackStore(store.shell)
    const link = createLink()
    const synchronizer = new Synchronizer(link, { changed: () => this.#changed(), failed: fail })
    this.#synchronizer = synchronizer
    const feed = new TrackFeed(tracks, synchronizer)
    this.#feed = feed
    const tidying = setInterval(() => this.#tidy(tracks).catch(fail), TIDY_EVERY_MS)
    try {
      await this.#tidy(tracks)
      for (const table of store.tables()) await synchronizer.add(store.replica(table))
      synchronizer.start()
      linked?.(link)
      this.written()
      return await failure
    } catch (error) {
      return error
    } finally {
      signal.removeEventListener('abort', abort)
      clearInterval(tidying)
      this.#synchronizer = null
      this.#feed = null
      linked?.(null)
      await feed.stop()
      await synchronizer.stop()
    }
  }

  /** That another tab leads is no failure; the transaction that found it out ends this one's lead elsewhere. */
  readonly #failed = (error: unknown): void => {
    if (!(error instanceof NotLeading)) this.#options.failed(error)
  }

  async #tidy(tracks: TrackStore): Promise<void> {
    const dropped = await tracks.tidy(Date.now(), this.#options.retention ?? RETENTION)
    if (dropped > 0) this.#options.dropped?.(dropped)
  }

  #changed(): void {
    const { phase, connected = false } = this.shared ?? {}
    if (phase === 'live') this.#failures = 0
    this.#options.changed()
    // Rights are given and taken while nobody is connected.
    const isNew = connected && !this.#wasConnected
    this.#wasConnected = connected
    const moved = isNew ? this.#feed?.retry() : this.#feed?.changed()
    moved?.catch(this.#failed)
  }
}
