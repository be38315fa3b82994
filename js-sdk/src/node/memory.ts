/**
 * Everything that a device keeps, in memory, with the way back from every change and the changes as payloads of a
 * log. In: changes, payloads. Out: records, payloads. Pure: knows no disk and no clock.
 *
 * Rows are a view of the rest and stand in no payload: they are made anew when a device starts.
 */
import { deserialize, serialize } from 'node:v8'
import type { Row } from '../engine/stores.js'
import type { Key } from '../layout/keys.js'
import type { DocumentRecord, FixRecord, OpsRecord, ShelfRecord, UpdateRecord } from '../storage/records.js'
import { MemoryTable } from './memory-table.js'

/** `value` undefined: it is taken out. The names are short because each stands in every record of the log. */
type Change =
  | readonly [store: 'u' | 'e' | 'f' | 's', seq: number, value?: unknown]
  | readonly [store: 'd', document: string, value?: unknown]
  | readonly [store: 'k', name: string, value?: unknown]

export interface ShownRow {
  readonly key: Key
  readonly row: Row
}

/** A payload of a whole log holds about so many records. */
const RECORDS_PER_PAYLOAD = 500

export class Memory {
  readonly updates = new MemoryTable<UpdateRecord>(
    ({ d }) => d,
    ({ o }) => o === 'local',
  )
  readonly edits = new MemoryTable<OpsRecord>(({ t }) => t)
  readonly fixes = new MemoryTable<FixRecord>(({ d }) => d)
  readonly shelf = new MemoryTable<ShelfRecord>(({ t }) => t)
  readonly documents = new Map<string, DocumentRecord>()
  readonly state = new Map<string, unknown>()
  /** By table, then by the spelling of the key. */
  readonly rows = new Map<string, Map<string, ShownRow>>()
  #changes: Change[] = []
  #undo: (() => void)[] = []

  /** How many steps can be taken back. */
  get mark(): number {
    return this.#undo.length
  }

  /** Change a record, to be kept. */
  change(...change: Change): void {
    const before = this.#read(change)
    this.#apply(change)
    this.#changes.push(change)
    this.#undo.push(() => {
      this.#apply([change[0], change[1], before] as Change)
      this.#changes.pop()
    })
  }

  /** Change a row of the view. */
  show(table: string, name: string, shown: ShownRow | undefined): void {
    const rows = this.rowsOf(table)
    const before = rows.get(name)
    set(rows, name, shown)
    this.#undo.push(() => set(rows, name, before))
  }

  rowsOf(table: string): Map<string, ShownRow> {
    const rows = this.rows.get(table) ?? new Map<string, ShownRow>()
    this.rows.set(table, rows)
    return rows
  }

  /** Take back everything after a mark. */
  takeBack(mark: number): void {
    while (this.#undo.length > mark) this.#undo.pop()?.()
  }

  /** What has changed since the last `settle`, as a payload; null where nothing has. */
  payload(): Uint8Array | null {
    return this.#changes.length === 0 ? null : serialize(this.#changes)
  }

  /** What has changed is kept; there is no way back any more. */
  settle(): void {
    this.#changes = []
    this.#undo = []
  }

  /** Take over a payload of the log. */
  load(payload: Uint8Array): void {
    for (const change of deserialize(payload) as Change[]) this.#apply(change)
  }

  /** All of it as payloads of a new log. */
  *payloads(): Generator<Uint8Array> {
    let some: Change[] = []
    for (const change of this.#all()) {
      some.push(change)
      if (some.length < RECORDS_PER_PAYLOAD) continue
      yield serialize(some)
      some = []
    }
    if (some.length > 0) yield serialize(some)
  }

  *#all(): Generator<Change> {
    const tables = { u: this.updates, e: this.edits, f: this.fixes, s: this.shelf }
    for (const [store, table] of Object.entries(tables)) {
      for (const seq of table.numbers()) yield [store as 'u', seq, table.get(seq)]
    }
    for (const [name, record] of this.documents) yield ['d', name, record]
    for (const [name, value] of this.state) yield ['k', name, value]
  }

  #read(change: Change): unknown {
    if (change[0] === 'd') return this.documents.get(change[1])
    if (change[0] === 'k') return this.state.get(change[1])
    return this.#table(change[0]).get(change[1])
  }

  #apply(change: Change): void {
    if (change[0] === 'd') set(this.documents, change[1], change[2] as DocumentRecord | undefined)
    else if (change[0] === 'k') set(this.state, change[1], change[2])
    else this.#table(change[0]).set(change[1], change[2])
  }

  #table(store: 'u' | 'e' | 'f' | 's'): MemoryTable<unknown> {
    const tables = { u: this.updates, e: this.edits, f: this.fixes, s: this.shelf }
    return tables[store] as MemoryTable<unknown>
  }
}

function set<Value>(map: Map<string, Value>, name: string, value: Value | undefined): void {
  if (value === undefined) map.delete(name)
  else map.set(name, value)
}
