/**
 * The client: what an app makes once, and everything hangs on it. Wires the parts and owns their lives; decides
 * nothing that one of them could decide.
 */

import type { RejectedEdit } from './engine/rejected.js'
import type { ConflictEvent } from './engine/shell.js'
import { NotDurable, StoreDeleted, type WebHostError } from './errors.js'
import { Emitter } from './events.js'
import { tableDocument } from './names.js'
import { type CheckedOptions, checkOptions, type WebHostClientOptions } from './options.js'
import { Positions } from './positions/positions.js'
import type { Presence } from './presence.js'
import type { StoresSchema } from './schema-rows.js'
import type { WebHostDb } from './schema-types.js'
import { durable, outOfReach, settled } from './settling.js'
import { GONE, StatusBoard, type SyncStatus } from './status.js'
import { DeviceStore } from './storage/device-store.js'
import { Serial } from './sync/serial.js'
import { SyncManager } from './sync-manager.js'
import { Tab } from './tab.js'
import { mayAnswer, until } from './until.js'
import { steadyNow } from './wire/environment.js'
import { createLink } from './wire/link.js'
import { createTokenSource, type TokenSource } from './wire/token.js'

export interface ConnectOptions {
  /** Reject where the server can't be reached or refuses, instead of going on offline. */
  readonly requireOnline?: boolean
}

export interface Inspection {
  readonly database: string
  /** Names this device's store, and the device in tracks; null before `connect()`. */
  readonly installId: string | null
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly pending: number }[]
}

export interface ClientEvents {
  status: SyncStatus
  /** An edit went to the shelf: the server refused it, or its row was deleted elsewhere. */
  rejected: RejectedEdit
  /** Two devices gave rows the same value of an index that the schema calls unique. Both rows are kept. */
  conflict: ConflictEvent
  /**
   * This device's store is gone, with whatever had not reached the server: found by `connect()`, or while it was in
   * use, where `pending` says how many edits and positions were not durable as far as was known.
   */
  'device-lost': { readonly lastSeen: Date | null; readonly pending: number | null }
  /** Positions that waited longest are lost: more wait than this device keeps. */
  dropped: { readonly positions: number }
  error: unknown
}

// biome-ignore lint/suspicious/noExplicitAny: without a schema the tables are whatever the app says
export class WebHostClient<S extends StoresSchema = any> {
  /** A real Dexie database; its tables are there after `connect()`. */
  readonly db: WebHostDb<S>
  readonly syncManager: SyncManager
  readonly positions: Positions
  readonly #options: CheckedOptions
  readonly #board = new StatusBoard()
  readonly #events = new Emitter<ClientEvents>()
  readonly #store: DeviceStore
  readonly #tokens: TokenSource
  /** Beginnings and ends, one after another: React's StrictMode asks for all of them at once. */
  readonly #turns = new Serial()
  #turn = 0
  #installId: string | null = null
  #tab: Tab | null = null

  /** Throws WebHostConfigError: which option can't be right, and what to change. */
  constructor(options: WebHostClientOptions) {
    this.#options = checkOptions(options)
    const { apiUrl, databaseName, durability } = this.#options
    this.#tokens = createTokenSource({ ...this.#options, now: steadyNow })
    this.#store = new DeviceStore({
      name: databaseName,
      durability,
      events: {
        degraded: (degraded) => this.#storage({ degraded }),
        deleted: () => this.#deleted(),
        persisted: (persisted) => this.#storage({ persisted }),
        conflict: (conflict) => this.#events.emit('conflict', conflict),
        rejected: (edit) => this.#events.emit('rejected', edit),
        problem: (problem: WebHostError) => this.#events.emit('error', problem),
      },
    })
    this.db = this.#store.db as WebHostDb<S>
    this.syncManager = new SyncManager(this.#board, this.#store, () => this.#tab?.retry())
    this.positions = new Positions({
      transact: (work) => this.#store.record(work),
      read: (stores, work) => this.#store.shell.read(stores, work),
      installId: () => this.#installId,
      apiUrl,
      token: async (reason) => (await this.#tokens.get(reason)).value,
      connected: (signal) => until(this.#board, mayAnswer, signal),
      showsMaps: true,
    })
    this.#board.subscribe((status) => this.#events.emit('status', status))
  }

  /** What to show about saving and connecting; the same object until something in it changes. */
  get status(): SyncStatus {
    return this.#board.status
  }

  /**
   * Open the tables on this device and start to sync. Resolves when the app can work: the database is open, and the
   * server is connected, or is known to be away, or `connectTimeoutMs` are over. Call it again for another schema.
   *
   * Throws: WebHostConfigError (the schema), StorageUnavailable; with `requireOnline` also ServerError.
   */
  async connect<const T extends StoresSchema>(
    schema: T,
    options: ConnectOptions = {},
  ): Promise<WebHostDb<T>> {
    const turn = await this.#turns.run(() => this.#begin(schema))
    // Not in the line: who closes must not wait for a server that is silent.
    await settled(this.#board, this.#options.connectTimeoutMs)
    const failure = options.requireOnline ? await outOfReach(this.#board, this.#tokens) : null
    if (failure !== null) {
      await this.#turns.run(async () => {
        if (this.#turn === turn) await this.#rest()
      })
      throw failure
    }
    return this.#store.db as WebHostDb<T>
  }

  /**
   * Resolves when every edit of this device is durable on the server.
   * Throws NotDurable after `timeout` ms: the edits are kept, and still sent when that is possible.
   */
  async whenDurable(options: { readonly timeout?: number } = {}): Promise<void> {
    await durable(this.#board, () => this.#store.pending(), options.timeout)
  }

  /**
   * Who else is in a room, and what they do: presence, never stored. Leave it when it is no longer shown. It is kept
   * while the client is disconnected, and ends with `close()`.
   */
  presence<State extends object = Record<string, unknown>>(room: string): Presence<State> {
    if (this.#tab === null) throw new TypeError('client.presence() needs `await client.connect(…)` first')
    return this.#tab.presence.join<State>(room)
  }

  /** Everything that is not durable yet, and the shelf, as one JSON file. */
  exportPending(): Promise<Blob> {
    return this.#store.exportPending()
  }

  /** Stop syncing; the tables stay usable on this device. `connect()` starts it again. */
  disconnect(): Promise<void> {
    return this.#turns.run(() => this.#rest())
  }

  /** Stop syncing and close the database. */
  close(): Promise<void> {
    return this.#turns.run(() => this.#end())
  }

  /**
   * Delete all that this device keeps, also before `connect()`.
   * Throws NotDurable while edits are pending, unless that is said to be right; StorageUnavailable where nobody
   * can know whether there are any.
   */
  deleteLocalData(options: { readonly evenIfPending: boolean }): Promise<void> {
    return this.#turns.run(async () => {
      const edits = options.evenIfPending ? 0 : await this.#countPending()
      if (edits > 0) throw new NotDurable(edits)
      await this.#end()
      await this.#store.deleteAll()
      this.#installId = null
    })
  }

  /**
   * Ask before the tab is closed while edits are pending, until the returned function is called. Browsers show
   * words of their own, and ask only in tabs in which somebody has clicked or typed.
   */
  guardUnload(): () => void {
    const ask = (event: Event) => {
      if (this.#board.status.pending > 0) event.preventDefault()
    }
    globalThis.addEventListener?.('beforeunload', ask)
    return () => globalThis.removeEventListener?.('beforeunload', ask)
  }

  /** What is on this device, table by table: for a look behind the curtain, and for support. */
  async inspect(): Promise<Inspection> {
    const names = this.#store.tables()
    const tables = names.map(async (name) => ({
      name,
      rows: await this.#store.db.table(name).count(),
      pending: (await this.#store.pendingOf(tableDocument(name))).edits,
    }))
    return {
      database: this.#options.databaseName,
      installId: this.#installId,
      tables: await Promise.all(tables),
    }
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Returns the number of this beginning. */
  async #begin(schema: StoresSchema): Promise<number> {
    this.#turn++
    await this.#tab?.stop()
    this.#board.update({ phase: 'opening' })
    try {
      const identity = await this.#store.open(schema)
      this.#installId = identity.installId
      if (identity.lost) this.#events.emit('device-lost', { ...identity.lost, pending: null })
    } catch (error) {
      this.#board.update({ phase: 'closed' })
      throw error
    }
    this.#board.update({ phase: 'connecting' })
    this.#tab ??= new Tab({
      store: this.#store,
      board: this.#board,
      createLink: () =>
        createLink({ apiUrl: this.#options.apiUrl, token: this.#tokens, report: this.#report }),
      failed: this.#report,
      dropped: (positions) => this.#events.emit('dropped', { positions }),
    })
    // Whoever opens an app after a night in a tunnel must not read for a moment that all is saved.
    await this.#tab.counted()
    this.#tab.start()
    this.positions.resume()
    return this.#turn
  }

  /** Nothing that was known of this device is true any more, and nothing may be written under its name. */
  #deleted(): void {
    const { pending } = this.#board.status
    this.positions.stop()
    const stopped = this.#tab?.stop()
    void this.#turns.run(async () => stopped)
    this.#board.update({
      ...GONE,
      blocked: { code: 'device-lost', hint: new StoreDeleted().hint, retryAt: null },
    })
    this.#events.emit('device-lost', { lastSeen: new Date(), pending })
  }

  async #rest(): Promise<void> {
    this.#turn++
    this.positions.stop()
    await this.#tab?.stop()
    this.#board.update({ phase: 'offline', connected: false, leader: false, blocked: null })
  }

  async #end(): Promise<void> {
    await this.#rest()
    await this.#tab?.close()
    this.#tab = null
    this.#store.close()
    this.#board.update({ phase: 'closed' })
  }

  /** An earlier session may have left edits in a database that is closed now. */
  async #countPending(): Promise<number> {
    if (this.#board.status.phase !== 'closed') return (await this.#store.pending()).edits
    await this.#store.open({})
    try {
      return (await this.#store.pending()).edits
    } finally {
      this.#store.close()
    }
  }

  #storage(change: Partial<SyncStatus['storage']>): void {
    this.#board.update({ storage: { ...this.#board.status.storage, ...change } })
  }

  readonly #report = (error: unknown) => {
    // That the store is gone is told once, as a state.
    if (!(error instanceof StoreDeleted)) this.#events.emit('error', error)
  }
}
