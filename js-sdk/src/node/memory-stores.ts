/** The engine's stores in memory: what each method is as a change of `memory.ts`. Decides nothing. */
import type {
  EditStore,
  FixStore,
  Numbered,
  RowStore,
  ShelfStore,
  StateStore,
  Stores,
  UpdateStore,
} from '../engine/stores.js'
import { encodeKey, type Key } from '../layout/keys.js'
import type { IndexSpec, TableSpec } from '../schema.js'
import { indexValues } from '../storage/index-values.js'
import type { FixRecord } from '../storage/records.js'
import type { Memory, ShownRow } from './memory.js'
import type { MemoryTable } from './memory-table.js'

export function memoryStores(memory: Memory): Stores {
  return {
    updates: updates(memory),
    documents: {
      get: async (document) => memory.documents.get(document),
      put: async (record) => memory.change('d', record.d, record),
    },
    edits: edits(memory),
    fixes: fixes(memory),
    shelf: shelf(memory),
    state: state(memory),
    rows: (spec) => rows(memory, spec),
  }
}

/** With the number that IndexedDB puts into the record itself. */
function numbered<Record>(table: MemoryTable<Record>, seqs: readonly number[]): Numbered<Record>[] {
  return seqs.map((seq) => ({ ...(table.get(seq) as Record), seq }))
}

function updates(memory: Memory): UpdateStore {
  const table = memory.updates
  const remove = async (seqs: readonly number[]) => {
    for (const seq of seqs) memory.change('u', seq)
  }
  return {
    of: async (document) => numbered(table, table.numbersOf(document)),
    async localOf(document) {
      const local = [...table.marked].filter(([, { d }]) => d === document).map(([seq]) => seq)
      return numbered(
        table,
        local.sort((one, other) => one - other),
      )
    },
    count: async (document) => table.numbersOf(document).length,
    get: async (seqs) => seqs.map((seq) => (table.get(seq) ? numbered(table, [seq])[0] : undefined)),
    async add(record) {
      const seq = table.next()
      memory.change('u', seq, record)
      return seq
    },
    async put(records) {
      for (const { seq, ...record } of records) memory.change('u', seq, record)
    },
    remove,
    localDocuments: async (prefix) =>
      [...new Set([...table.marked.values()].map(({ d }) => d))].filter((name) => name.startsWith(prefix)),
    async removeDurableTracks(before) {
      const tracks = table.groups().filter((name) => name.startsWith('track/'))
      const seqs = tracks.flatMap((name) => table.numbersOf(name))
      await remove(
        numbered(table, seqs)
          .filter(({ o, at }) => o !== 'local' && at < before)
          .map(({ seq }) => seq),
      )
    },
  }
}

function edits(memory: Memory): EditStore {
  const table = memory.edits
  return {
    async of(name, { offset, limit } = { offset: 0, limit: Number.POSITIVE_INFINITY }) {
      return numbered(table, table.numbersOf(name).slice(offset, offset + limit))
    },
    tables: async () => table.groups(),
    first: async () => table.first() ?? null,
    async add(records) {
      for (const record of records) memory.change('e', table.next(), record)
    },
    async put(records) {
      for (const { seq, ...record } of records) memory.change('e', seq, record)
    },
    async remove(seqs) {
      for (const seq of seqs) memory.change('e', seq)
    },
  }
}

function fixes(memory: Memory): FixStore {
  const table = memory.fixes
  const remove = async (seqs: readonly number[]) => {
    for (const seq of seqs) memory.change('f', seq)
  }
  return {
    all: async () => table.numbers().map((seq) => table.get(seq) as FixRecord),
    newest: async (document, limit) => numbered(table, table.numbersOf(document).slice(-limit)).reverse(),
    tracks: async () => table.groups(),
    async add(records) {
      for (const record of records) memory.change('f', table.next(), record)
    },
    remove,
    async removeOldest(beyond) {
      const excess = Math.max(0, table.size - beyond)
      if (excess > 0) await remove(table.numbers().slice(0, excess))
      return excess
    },
  }
}

function shelf(memory: Memory): ShelfStore {
  return {
    async add(records) {
      return records.map((record) => {
        const n = memory.shelf.next()
        memory.change('s', n, record)
        return n
      })
    },
  }
}

function state(memory: Memory): StateStore {
  return {
    get: async (key) => memory.state.get(key),
    put: async (key, value) => memory.change('k', key, value),
  }
}

function rows(memory: Memory, { name }: TableSpec): RowStore {
  const shown = memory.rowsOf(name)
  const indexes = new Map<string, Map<string, Key[]>>()
  const change = (key: Key, row: ShownRow | undefined) => {
    indexes.clear()
    memory.show(name, encodeKey(key), row)
  }
  return {
    isEmpty: async () => shown.size === 0,
    keys: async () => [...shown.values()].map(({ key }) => key),
    get: async (keys) => keys.map((key) => shown.get(encodeKey(key))?.row),
    async put(wanted) {
      for (const row of wanted) change(row.key, row)
    },
    async remove(keys) {
      for (const key of keys) change(key, undefined)
    },
    async keysWith(index, value) {
      const known = indexes.get(index.name) ?? indexOf(shown.values(), index)
      indexes.set(index.name, known)
      return known.get(encodeKey(value)) ?? []
    },
  }
}

/** Made when it is asked for: devices have few rows, and hardly ever a unique index. */
function indexOf(rows: Iterable<ShownRow>, index: IndexSpec): Map<string, Key[]> {
  const found = new Map<string, Key[]>()
  for (const { key, row } of rows) {
    for (const value of indexValues(row, index).map((value) => encodeKey(value))) {
      found.set(value, [...(found.get(value) ?? []), key])
    }
  }
  return found
}
