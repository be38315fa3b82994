/**
 * The device: what a program on a vehicle, a box or a server makes once. Wires the parts and owns their lives;
 * decides nothing that one of them could decide.
 */
import type { RejectedEdit } from '../engine/rejected.js'
import type { ConflictEvent } from '../engine/shell.js'
import { WebHostConfigError } from '../errors.js'
import { Emitter } from '../events.js'
import { Positions } from '../positions/positions.js'
import type { IsAny, StoresSchema, TypesOf } from '../schema-rows.js'
import { durable, outOfReach, settled } from '../settling.js'
import { AWAY, StatusBoard, type SyncStatus } from '../status.js'
import { PendingCount } from '../sync/pending-count.js'
import { Serial } from '../sync/serial.js'
import { Syncing } from '../sync/syncing.js'
import { mayAnswer, until } from '../until.js'
import { steadyNow } from '../wire/environment.js'
import { createLink } from '../wire/link.js'
import type { WebSocketConstructor } from '../wire/socket.js'
import { createTokenSource, type TokenSource } from '../wire/token.js'
import { checkDeviceOptions, type WebHostDeviceOptions } from './device-options.js'
import { DeviceTable } from './device-table.js'
import { NodeStore, newDeviceId } from './node-store.js'
import { findWebSocket } from './web-socket.js'

/** The tables of a schema, by name. */
export type DeviceTables<S extends StoresSchema> =
  // biome-ignore lint/suspicious/noExplicitAny: without a schema the tables are whatever the program says
  IsAny<S> extends true ? any : { readonly [Name in keyof S]: DeviceTableOf<TypesOf<S[Name]>> }

type DeviceTableOf<T> = T extends { stored: infer Stored; key: infer OfKey; added: infer Added }
  ? DeviceTable<Stored, OfKey, Added>
  : never

export interface DeviceEvents {
  status: SyncStatus
  /** An edit went to the shelf: the server refused it, or its row was deleted elsewhere. */
  rejected: RejectedEdit
  /** Two devices gave rows the same value of an index that the schema calls unique. Both rows are kept. */
  conflict: ConflictEvent
  /** Positions that waited longest are lost: more wait than this device keeps. */
  dropped: { readonly positions: number }
  error: unknown
}

interface Running {
  readonly syncing: Syncing
  readonly count: PendingCount
  /** End the syncing; resolves when the last transaction has ended. */
  stop(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: without a schema the tables are whatever the program says
export class WebHostDevice<S extends StoresSchema = any> {
  readonly positions: Positions
  readonly #options: WebHostDeviceOptions
  readonly #connectTimeoutMs: number
  readonly #board = new StatusBoard()
  readonly #events = new Emitter<DeviceEvents>()
  readonly #tokens: TokenSource
  /** Beginnings and ends, one after another. */
  readonly #turns = new Serial()
  #turn = 0
  #store: NodeStore | null = null
  #id: string | null = null
  #tables: Readonly<Record<string, DeviceTable>> = {}
  #running: Running | null = null

  /** Throws WebHostConfigError: which option can't be right, and what to change. */
  constructor(options: WebHostDeviceOptions) {
    this.#connectTimeoutMs = checkDeviceOptions(options)
    this.#options = options
    this.#tokens = createTokenSource({ ...options, now: steadyNow })
    this.positions = new Positions({
      transact: (work) => this.#open().transact(work),
      read: (_, work) => this.#open().transact(work),
      installId: () => this.#id,
      apiUrl: options.apiUrl,
      token: async (reason) => (await this.#tokens.get(reason)).value,
      connected: (signal) => until(this.#board, mayAnswer, signal),
      showsMaps: false,
    })
    this.#board.subscribe((status) => this.#events.emit('status', status))
  }

  /** How the server knows this device; null before `connect()`. */
  get id(): string | null {
    return this.#id
  }

  /** The tables of the schema; there after `connect()`. */
  get tables(): DeviceTables<S> {
    this.#open()
    return this.#tables as DeviceTables<S>
  }

  /** The state of saving and connecting; the same object until something in it changes. */
  get status(): SyncStatus {
    return this.#board.status
  }

  /** Call `listener` after each change of the status, until the returned function is called. */
  subscribe(listener: (status: SyncStatus) => void): () => void {
    return this.#board.subscribe(listener)
  }

  /**
   * Open the directory and start to sync. Resolves when the program can work: the server is connected, or is known
   * to be away, or `connectTimeoutMs` are over. Call it again for another schema.
   *
   * Throws WebHostConfigError, DeviceBusy (another process has the directory), DeviceDamaged, StorageUnavailable;
   * with `requireOnline` also ServerError.
   */
  async connect<const T extends StoresSchema>(
    schema: T,
    options: { readonly requireOnline?: boolean } = {},
  ): Promise<DeviceTables<T>> {
    const turn = await this.#turns.run(() => this.#begin(schema))
    // Not in the line: who closes must not wait for a server that is silent.
    await settled(this.#board, this.#connectTimeoutMs)
    const failure = options.requireOnline ? await outOfReach(this.#board, this.#tokens) : null
    if (failure !== null) {
      await this.#turns.run(async () => {
        if (this.#turn === turn) await this.#end()
      })
      throw failure
    }
    return this.#tables as DeviceTables<T>
  }

  /**
   * Resolves when every edit and position of this device is durable on the server.
   * Throws NotDurable after `timeout` ms: they are kept, and still sent when that is possible.
   */
  whenDurable(options: { readonly timeout?: number } = {}): Promise<void> {
    return durable(this.#board, () => this.#open().pending(), options.timeout)
  }

  /** Edits that will not be saved by themselves: what they were, and why. */
  rejectedEdits(): Promise<RejectedEdit[]> {
    return this.#open().rejectedEdits()
  }

  /** Forget rejected edits. */
  discard(ids: readonly number[]): Promise<void> {
    return this.#open().discard(ids)
  }

  /** Write rejected edits once more, as if the program did it now. */
  retry(ids: readonly number[]): Promise<void> {
    return this.#open().retry(ids)
  }

  /** Connect now instead of after the pause, and ask again where something was refused. */
  retryNow(): void {
    this.#running?.syncing.retry()
  }

  on<Name extends keyof DeviceEvents>(name: Name, listener: (event: DeviceEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Stop syncing, and give the directory free. What is pending is kept, and sent after the next `connect()`. */
  close(): Promise<void> {
    return this.#turns.run(() => this.#end())
  }

  /** Returns the number of this beginning. */
  async #begin(schema: StoresSchema): Promise<number> {
    this.#turn++
    const WebSocket = this.#options.WebSocket ?? (await findWebSocket())
    await this.#stop()
    this.#board.update({ phase: 'opening' })
    try {
      await this.#use(schema)
    } catch (error) {
      await this.#end()
      throw error
    }
    this.#start(WebSocket)
    this.positions.resume()
    return this.#turn
  }

  async #end(): Promise<void> {
    this.#turn++
    await this.#stop()
    const store = this.#store
    this.#store = null
    this.#id = null
    await store?.close()
    this.#board.update({ phase: 'closed', connected: false, leader: false, blocked: null })
  }

  #open(): NodeStore {
    if (this.#store === null) throw new TypeError('a device needs `await device.connect(…)` first')
    return this.#store
  }

  async #use(schema: StoresSchema): Promise<void> {
    const { dataDir, deviceId } = this.#options
    const store = this.#store ?? (await this.#openStore(dataDir))
    this.#store = store
    const id = await store.identify(() => newDeviceId(deviceId))
    if (deviceId !== undefined && id !== deviceId && !id.startsWith(`${deviceId}-`)) {
      throw new WebHostConfigError(
        `dataDir belongs to the device '${id}', not to '${deviceId}'`,
        'give each device a directory of its own',
      )
    }
    this.#id = id
    const tables = await store.use(schema)
    const host = { transact: store.transact.bind(store), now: Date.now }
    this.#tables = Object.fromEntries(tables.map((spec) => [spec.name, new DeviceTable(spec, host)]))
  }

  #openStore(directory: string): Promise<NodeStore> {
    return NodeStore.open({
      directory,
      events: {
        changed: () => this.#changed(),
        degraded: (degraded) => this.#board.update({ storage: { persisted: true, degraded } }),
        conflict: (conflict) => this.#events.emit('conflict', conflict),
        rejected: (edit) => this.#events.emit('rejected', edit),
        problem: (problem) => this.#report(problem),
      },
    })
  }

  #start(WebSocket: WebSocketConstructor): void {
    const store = this.#open()
    const { apiUrl } = this.#options
    const ended = new AbortController()
    const count = new PendingCount(store, this.#board, this.#report, 0)
    const syncing = new Syncing({
      store,
      createLink: () => createLink({ apiUrl, token: this.#tokens, WebSocket, report: this.#report }),
      changed: () => this.#showServer(syncing),
      failed: (error) => {
        if (this.#running !== null && syncing.shared === null) this.#board.update(AWAY)
        this.#report(error)
      },
      dropped: (positions) => {
        count.refresh()
        this.#events.emit('dropped', { positions })
      },
    })
    this.#board.update({ phase: 'connecting', leader: true, storage: { persisted: true, degraded: false } })
    const run = syncing.run(ended.signal)
    const stop = async () => {
      count.stop()
      ended.abort()
      await run
    }
    this.#running = { syncing, count, stop }
    count.refresh()
  }

  async #stop(): Promise<void> {
    const running = this.#running
    this.#running = null
    this.positions.stop()
    await running?.stop()
  }

  #changed(): void {
    this.#running?.syncing.written()
    if (this.#store?.hasUnfolded) this.#running?.count.wrote()
    else this.#running?.count.refresh()
  }

  #showServer({ shared }: Syncing): void {
    if (shared === null || this.#running === null) return
    const { lastDurableAt } = this.#board.status
    this.#board.update({ ...shared, lastDurableAt: shared.lastDurableAt ?? lastDurableAt })
    this.#running.count.refresh()
  }

  readonly #report = (error: unknown) => {
    if (this.#store !== null) this.#events.emit('error', error)
  }
}
