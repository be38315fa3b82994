/**
 * Everything that a device keeps in its directory: the app's tables, its positions, and what is not safe yet. In: a
 * schema, and writes of the app. Out: replicas for the synchronizer, counts and the shelf. Knows no network.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Replica } from '../contract.js'
import { buildDocument } from '../engine/document-log.js'
import { leftTables } from '../engine/left-tables.js'
import { pendingEdits } from '../engine/pending.js'
import { type RejectedEdit, rowWith, toRejectedEdit } from '../engine/rejected.js'
import { isReadable } from '../engine/rows.js'
import type { ConflictEvent, EngineShell, Findings } from '../engine/shell.js'
import type { Stores } from '../engine/stores.js'
import { TableReplica } from '../engine/table-replica.js'
import { showRows } from '../engine/view.js'
import { DeviceDamaged, StorageUnavailable, type WebHostError } from '../errors.js'
import { generateId } from '../ids.js'
import { encodeKey } from '../layout/keys.js'
import { tableDocument } from '../names.js'
import { putShelvedBack } from '../positions/fix-log.js'
import { parseSchema, storesOf, type TableSpec } from '../schema.js'
import type { StoresSchema } from '../schema-rows.js'
import type { Pending } from '../storage/pending.js'
import { type DirectoryLock, lockDirectory } from './directory-lock.js'
import { FileStore } from './file-store.js'
import { LogFile } from './log-file.js'
import { DamagedLog } from './log-format.js'
import { Memory } from './memory.js'
import { deleteRow, prepareRow, writeRow } from './writes.js'

export interface NodeStoreEvents {
  /** Something that is kept has changed. */
  changed(): void
  degraded(isDegraded: boolean): void
  conflict(conflict: ConflictEvent): void
  rejected(edit: RejectedEdit): void
  problem(error: WebHostError): void
}

export interface NodeStoreOptions {
  readonly directory: string
  readonly events?: Partial<NodeStoreEvents>
  readonly now?: () => number
  /** How many stored updates of a document are worth a snapshot; 64. */
  readonly compactFrom?: number
  /** From how many bytes on the file may be written anew; 1 MiB. */
  readonly rewriteFromBytes?: number
}

export class NodeStore {
  readonly #options: NodeStoreOptions
  readonly #events: Partial<NodeStoreEvents>
  readonly #now: () => number
  readonly #memory: Memory
  readonly #file: FileStore
  readonly #lock: DirectoryLock
  readonly #replicas = new Map<string, TableReplica>()
  #tables: readonly TableSpec[] = []
  #schemas: Readonly<Record<string, string>> = {}

  private constructor(options: NodeStoreOptions, memory: Memory, log: LogFile, lock: DirectoryLock) {
    this.#options = options
    this.#events = options.events ?? {}
    this.#now = options.now ?? Date.now
    this.#memory = memory
    this.#lock = lock
    const events = {
      changed: () => this.#events.changed?.(),
      degraded: (isDegraded: boolean) => this.#events.degraded?.(isDegraded),
    }
    this.#file = new FileStore(memory, log, events, options.rewriteFromBytes)
  }

  /**
   * Open the directory; made where there is none.
   * Throws DeviceBusy, DeviceDamaged, or StorageUnavailable for what the file system says.
   */
  static async open(options: NodeStoreOptions): Promise<NodeStore> {
    const { directory } = options
    let lock: DirectoryLock | null = null
    try {
      await mkdir(directory, { recursive: true })
      lock = await lockDirectory(directory)
      const { log, payloads } = await LogFile.open(directory)
      const memory = new Memory()
      for (const payload of payloads) memory.load(payload)
      return new NodeStore(options, memory, log, lock)
    } catch (cause) {
      await lock?.release()
      if (cause instanceof DamagedLog) throw new DeviceDamaged(join(directory, 'device.log'), { cause })
      if ((cause as NodeJS.ErrnoException).code === undefined || cause instanceof StorageUnavailable)
        throw cause
      if (!(cause as NodeJS.ErrnoException).syscall) throw cause
      const hint = 'check that dataDir can be written, and the free space'
      throw new StorageUnavailable(`${directory} can't be opened: ${String(cause)}`, { cause, hint })
    }
  }

  /**
   * Use these tables from now on; their rows are made from what is stored. Tables that were used before and have edits
   * to send are kept beside them. Throws WebHostConfigError.
   */
  async use(schema: StoresSchema): Promise<readonly TableSpec[]> {
    const asked = storesOf(schema)
    const tables = parseSchema(asked)
    const left = await this.transact((tx) => leftTables(tx, asked))
    this.#schemas = { ...left, ...asked }
    this.#tables = [...tables, ...parseSchema(left)]
    this.#replicas.clear()
    this.#memory.rows.clear()
    const findings = noFindings()
    await this.transact(async (tx) => {
      for (const spec of this.#tables) {
        const doc = buildDocument(await tx.updates.of(tableDocument(spec.name)))
        if (isReadable(doc)) await showRows(tx, spec, doc, await pendingEdits(tx, spec.name), 'all', findings)
      }
    })
    this.#report(findings)
    return tables
  }

  /** Who this device is; made with the directory, and never the same for two of them. */
  identify(make: () => string): Promise<string> {
    return this.transact(async (tx) => {
      const known = (await tx.state.get('install')) as string | undefined
      const id = known ?? make()
      if (known === undefined) await tx.state.put('install', id)
      return id
    })
  }

  /** One transaction; on the disk when it resolves. */
  transact<T>(work: (tx: Stores) => Promise<T>): Promise<T> {
    return this.#file.transact(work)
  }

  async close(): Promise<void> {
    this.#replicas.clear()
    await this.#file.close()
    await this.#lock.release()
  }

  /** Names of the synced tables, also of those that are synced only until their edits are durable. */
  tables(): string[] {
    return this.#tables.map(({ name }) => name)
  }

  /** The replica of a table; the same one until the schema changes. */
  replica(table: string): Replica {
    const known = this.#replicas.get(table)
    if (known) return known
    const spec = this.#tables.find(({ name }) => name === table)
    if (!spec) throw new TypeError(`There is no table "${table}".`)
    const replica = new TableReplica(spec, this.#schemas[table] ?? '', this.shell)
    this.#replicas.set(table, replica)
    return replica
  }

  get shell(): EngineShell {
    return {
      transact: (_, work) => this.transact(work),
      read: (_, work) => this.transact(work),
      revive: () => Promise.resolve(false),
      crash: () => undefined,
      now: this.#now,
      compactFrom: this.#options.compactFrom ?? 64,
      report: (findings) => this.#report(findings),
    }
  }

  pending(): Promise<Pending> {
    return this.transact(async () => {
      const { edits, updates, fixes } = this.#memory
      const counted = [...edits.numbers().map((seq) => edits.get(seq)), ...updates.marked.values()]
      const times = counted.flatMap((record) => (record && record.n > 0 ? [record.at] : []))
      const oldestFix = fixes.get(fixes.first() ?? 0)
      if (oldestFix) times.push(oldestFix.at)
      return {
        edits: counted.reduce((sum, record) => sum + (record?.n ?? 0), fixes.size),
        oldestAt: times.length > 0 ? times.reduce((one, other) => Math.min(one, other)) : null,
      }
    })
  }

  /** Whether there are edits or positions that are in no document yet. */
  get hasUnfolded(): boolean {
    const { edits, fixes } = this.#memory
    return edits.size > 0 || fixes.size > 0
  }

  async shelved(): Promise<number> {
    return this.#memory.shelf.size
  }

  /** How many positions were lost before they could be sent. */
  async dropped(): Promise<number> {
    return (this.#memory.state.get('dropped') as number | undefined) ?? 0
  }

  rejectedEdits(): Promise<RejectedEdit[]> {
    return this.transact(async () =>
      this.#memory.shelf.numbers().map((n) => this.#rejected(n) as RejectedEdit),
    )
  }

  /** Forget edits of the shelf. */
  discard(ids: readonly number[]): Promise<void> {
    return this.transact(async () => {
      for (const n of ids) this.#memory.change('s', n)
    })
  }

  /** Write edits of the shelf once more, as if the app did it now; they leave it in the same transaction. */
  retry(ids: readonly number[]): Promise<void> {
    return this.transact(async (tx) => {
      const at = this.#now()
      for (const n of ids) {
        const record = this.#memory.shelf.get(n)
        if (record && (await putShelvedBack(tx, record))) {
          this.#memory.change('s', n)
          continue
        }
        const edit = this.#rejected(n)
        const spec = this.#tables.find(({ name }) => name === edit?.table)
        if (!edit || !spec) continue
        if (edit.kind === 'delete') await deleteRow(tx, spec, edit.key, at)
        else {
          const [row] = await tx.rows(spec).get([edit.key])
          const prepared = prepareRow(spec, rowWith(spec, row, edit), edit.key, () => encodeKey(edit.key))
          await writeRow(tx, spec, prepared, { isNew: false, at })
        }
        this.#memory.change('s', n)
      }
    })
  }

  #rejected(n: number): RejectedEdit | null {
    const record = this.#memory.shelf.get(n)
    return record ? toRejectedEdit({ ...record, n }) : null
  }

  #report({ conflicts, shelved, problems }: Findings): void {
    for (const conflict of conflicts) this.#events.conflict?.(conflict)
    for (const record of shelved) this.#events.rejected?.(toRejectedEdit(record))
    for (const problem of problems) this.#events.problem?.(problem)
  }
}

/** The id of a new device: its name where it has one, and a mark of its own, because it counts from one. */
export function newDeviceId(name: string | undefined): string {
  const id = generateId()
  return name === undefined ? id : `${name}-${id.slice(-8)}`
}

function noFindings(): Findings {
  return { conflicts: [], shelved: [], problems: [], unsent: [] }
}
