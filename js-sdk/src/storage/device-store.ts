/**
 * Everything that this device keeps: the app's tables, and what is not safe yet. In: a schema, and writes of the
 * app through `db`. Out: replicas for the synchronizer, counts and the shelf for the client. Knows no network.
 */
import { Dexie } from 'dexie'
import type { Replica } from '../contract.js'
import { type RejectedEdit, toRejectedEdit } from '../engine/rejected.js'
import type { ConflictEvent, EngineShell, Findings } from '../engine/shell.js'
import { sameFields } from '../engine/stored.js'
import type { Stores } from '../engine/stores.js'
import { TableReplica } from '../engine/table-replica.js'
import { NotLeading, type WebHostError } from '../errors.js'
import { generateId } from '../ids.js'
import { parseSchema, storesOf, type TableSpec } from '../schema.js'
import type { StoresSchema } from '../schema-rows.js'
import { capture } from './capture.js'
import { Connection, reasonOf } from './connection.js'
import { dexieStores } from './dexie-stores.js'
import { browserMirror, forgetIdentity, type Identity, identify, type Mirror } from './identity.js'
import { onMutation } from './mutations.js'
import { openTables, rebuildTables } from './open.js'
import { countPending, exportPending, type Pending } from './pending.js'
import type { StateRecord } from './records.js'
import { discard, rejectedEdits, retry } from './shelf.js'

export interface StoreEvents {
  /** The connection to IndexedDB has died (true), or is back (false). */
  degraded(isDegraded: boolean): void
  /** The database was deleted underneath: this store fails with `StoreDeleted` until it is opened as a new one. */
  deleted(): void
  /** Whether the browser promises not to evict the store; asked at the first write of the app. */
  persisted(isPersisted: boolean): void
  conflict(conflict: ConflictEvent): void
  rejected(edit: RejectedEdit): void
  /** Something in a document that this device can't show. */
  problem(error: WebHostError): void
}

export interface DeviceStoreOptions {
  readonly name: string
  readonly durability?: 'relaxed' | 'strict'
  readonly events?: Partial<StoreEvents>
  /** Tables of the schema that stay on this device. */
  readonly unsynced?: readonly string[]
  readonly indexedDB?: IDBFactory
  readonly IDBKeyRange?: typeof globalThis.IDBKeyRange
  readonly mirror?: Mirror | null
  readonly now?: () => number
  /** How many stored updates of a document are worth a snapshot; 64. */
  readonly compactFrom?: number
  /** Called at every step of the engine; what it throws ends the step as a crash would. */
  readonly crash?: (label: string) => void
}

export class DeviceStore {
  /** The app's database. Its tables are there after `open`. */
  readonly db: Dexie
  readonly #ours = new WeakSet<object>()
  readonly #connection: Connection
  readonly #replicas = new Map<string, TableReplica>()
  readonly #factory: IDBFactory | undefined
  readonly #mirror: Mirror | null
  readonly #now: () => number
  readonly #crash: (label: string) => void
  readonly #events: Partial<StoreEvents>
  #tables: readonly TableSpec[] = []
  #asked: Readonly<Record<string, string>> = {}
  /** Of all synced tables. */
  #schemas: Readonly<Record<string, string>> = {}
  #identity: Identity | null = null
  #epoch: number | null = null
  #hasAskedToPersist = false

  constructor(private readonly options: DeviceStoreOptions) {
    this.#factory = options.indexedDB ?? globalThis.indexedDB
    this.#mirror = options.mirror === undefined ? browserMirror() : options.mirror
    this.#now = options.now ?? Date.now
    this.#crash = options.crash ?? (() => {})
    this.#events = options.events ?? {}
    const { IDBKeyRange = globalThis.IDBKeyRange } = options
    this.db = new Dexie(options.name, {
      ...(this.#factory && { indexedDB: this.#factory, IDBKeyRange }),
      ...(options.durability && { chromeTransactionDurability: options.durability }),
    })
    this.#connection = new Connection(this.db, {
      degraded: (isDegraded) => this.#events.degraded?.(isDegraded),
      deleted: () => this.#forget(),
    })
    this.db.use(
      capture({
        table: (name) => this.#tables.find((spec) => spec.name === name),
        ours: this.#ours,
        generateId,
        now: this.#now,
        wrote: () => this.#askToPersist(),
        crash: this.#crash,
      }),
    )
  }

  /**
   * Open the database with these tables, or, when it is open, with other ones: the same `db` is closed, extended and
   * opened again. Returns who the store is, and whether an earlier one was lost. Throws `WebHostError` for a
   * schema that can't be, `StorageUnavailable` for a database that does not open.
   */
  async open(schema: StoresSchema): Promise<Identity> {
    const asked = storesOf(schema)
    if (this.#identity && sameFields(asked, this.#asked) && this.db.isOpen()) return this.#identity
    const parsed = parseSchema(asked)
    const before = this.#identity
    this.#identity = null
    this.#connection.want(null)
    const { dataLoss, ...synced } = await openTables(
      this.db,
      this.#factory,
      parsed,
      asked,
      this.options.unsynced,
    )
    this.#asked = asked
    this.#tables = synced.tables
    this.#schemas = synced.schemas
    this.#replicas.clear()
    const made = { id: generateId(), now: this.#now(), dataLoss }
    const identity = await identify(this.db, this.#mirror, made)
    this.#connection.want(identity.installId)
    // A second `open` must not hide what the first has found.
    this.#identity = { ...identity, lost: identity.lost ?? before?.lost ?? null }
    const findings: Findings = { conflicts: [], shelved: [], problems: [], unsent: [] }
    await rebuildTables(this.db, this.#ours, this.#tables, findings)
    this.#report(findings)
    return this.#identity
  }

  close(): void {
    this.#connection.want(null)
    this.#replicas.clear()
    this.#epoch = null
    this.db.close()
  }

  /** Names of the synced tables, also of those that are synced only until their edits are durable. */
  tables(): string[] {
    return this.#tables.map(({ name }) => name)
  }

  /** The replica of a table; the same one until the schema changes. Only for the tab that leads. */
  replica(table: string): Replica {
    const known = this.#replicas.get(table)
    if (known) return known
    const spec = this.#tables.find(({ name }) => name === table)
    if (!spec) throw new TypeError(`There is no synced table "${table}".`)
    const replica = new TableReplica(spec, this.#schemas[table] ?? '', this.shell)
    this.#replicas.set(table, replica)
    return replica
  }

  /** Take the lead: from now on transactions of an engine that led before fail with `NotLeading`. */
  async lead(): Promise<void> {
    this.#epoch = await this.db.transaction('rw!', '$state', async (tx) => {
      const state = tx.table<StateRecord, string>('$state')
      const epoch = (((await state.get('leader'))?.v as number | undefined) ?? 0) + 1
      await state.put({ k: 'leader', v: epoch })
      return epoch
    })
    // What they hold in memory may be older than what another leader has stored since.
    for (const replica of this.#replicas.values()) replica.unload()
  }

  /**
   * One transaction of the engine over these stores: fenced by the leader's epoch, and not captured. For replicas
   * that are built elsewhere (positions).
   */
  transact<T>(stores: readonly string[], work: (tx: Stores) => Promise<T>): Promise<T> {
    return this.db.transaction('rw!', [...stores, '$state'], async (tx) => {
      this.#ours.add(tx.idbtrans)
      const leader = await tx.table<StateRecord, string>('$state').get('leader')
      if (this.#epoch === null || leader?.v !== this.#epoch) throw new NotLeading()
      return work(dexieStores(tx))
    })
  }

  /** One transaction of the app over its positions. */
  record<T>(work: (tx: Stores) => Promise<T>): Promise<T> {
    return this.db
      .transaction('rw', ['$fixes', '$state'], (tx) => work(dexieStores(tx)))
      .catch((error) => Promise.reject(reasonOf(error)))
  }

  revive(error: unknown): Promise<boolean> {
    return this.#connection.revive(error)
  }

  pending(): Promise<Pending> {
    return this.#alive(() => countPending(this.db, null))
  }

  pendingOf(document: string): Promise<Pending> {
    return this.#alive(() => countPending(this.db, document))
  }

  /**
   * Called after writes of the app that committed, in this tab or another, and after folds, which take from the
   * same log: whoever folds then finds nothing. Returns how to stop it.
   */
  onWrite(listener: () => void): () => void {
    return onMutation(this.db.name, ['$ops', '$fixes'], listener)
  }

  /**
   * Called when what is pending or shelved may have changed, in this tab or another, before the promise of the write
   * resolves; `wrote`: edits or positions were stored, or taken to be sent. Returns how to stop it.
   */
  onChange(listener: (wrote: boolean) => void): () => void {
    return onMutation(this.db.name, ['$ops', '$fixes', '$updates', '$shelf'], listener)
  }

  /** How many edits are on the shelf. */
  shelved(): Promise<number> {
    return this.#alive(() => this.db.table('$shelf').count())
  }

  /** How many positions were lost before they could be sent. */
  dropped(): Promise<number> {
    const state = this.db.table<{ v: number }>('$state')
    return this.#alive(async () => (await state.get('dropped'))?.v ?? 0)
  }

  rejectedEdits(): Promise<RejectedEdit[]> {
    return this.#alive(() => rejectedEdits(this.db))
  }

  discard(ids: readonly number[]): Promise<void> {
    return this.#alive(() => discard(this.db, ids))
  }

  /** Write refused edits once more; they leave the shelf in the same transaction. */
  retry(ids: readonly number[]): Promise<void> {
    return this.#alive(() => retry(this.db, ids, this.#tables))
  }

  exportPending(): Promise<Blob> {
    return this.#alive(() => exportPending(this.db, this.#identity?.installId ?? '', this.#now()))
  }

  /** Delete everything that this device keeps. The store can be opened again and is a new one then. */
  async deleteAll(): Promise<void> {
    this.close()
    await this.db.delete({ disableAutoOpen: false })
    forgetIdentity(this.db.name, this.#mirror)
    this.#identity = null
  }

  /** For reading and the shelf: with one more try where the connection had died. */
  async #alive<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (await this.revive(error)) return work()
      throw reasonOf(error)
    }
  }

  #forget(): void {
    this.#identity = null
    this.#replicas.clear()
    this.#epoch = null
    this.#events.deleted?.()
  }

  /** What replicas work with; for those that are built elsewhere (positions). */
  get shell(): EngineShell {
    return {
      transact: (stores, work) => this.transact(stores, work),
      read: (stores, work) => this.db.transaction('r!', [...stores], (tx) => work(dexieStores(tx))),
      revive: (error) => this.revive(error),
      crash: this.#crash,
      now: this.#now,
      compactFrom: this.options.compactFrom ?? 64,
      report: (findings) => this.#report(findings),
    }
  }

  #report({ conflicts, shelved, problems }: Findings): void {
    for (const conflict of conflicts) this.#events.conflict?.(conflict)
    for (const record of shelved) this.#events.rejected?.(toRejectedEdit(record))
    for (const problem of problems) this.#events.problem?.(problem)
  }

  #askToPersist(): void {
    if (this.#hasAskedToPersist) return
    this.#hasAskedToPersist = true
    const answer = globalThis.navigator?.storage?.persist?.()
    answer?.then(
      (isPersisted) => this.#events.persisted?.(isPersisted),
      () => this.#events.persisted?.(false),
    )
  }
}
