/** The engine's stores in IndexedDB: what each method is as a request of a Dexie transaction. Decides nothing. */
import type { IndexableType, IndexableTypeArrayReadonly, Transaction } from 'dexie'
import type {
  DocumentStore,
  EditStore,
  FixStore,
  Numbered,
  Row,
  RowStore,
  ShelfStore,
  StateStore,
  Stores,
  UpdateStore,
} from '../engine/stores.js'
import type { Key } from '../layout/keys.js'
import type { TableSpec } from '../schema.js'
import type {
  DocumentRecord,
  FixRecord,
  OpsRecord,
  ShelfRecord,
  StateRecord,
  UpdateRecord,
} from './records.js'

/** The stores of an open transaction; one that is not in its scope fails when it is used. */
export function dexieStores(tx: Transaction): Stores {
  return {
    get updates() {
      return updates(tx)
    },
    get documents() {
      return documents(tx)
    },
    get edits() {
      return edits(tx)
    },
    get fixes() {
      return fixes(tx)
    },
    get shelf() {
      return shelf(tx)
    },
    get state() {
      return state(tx)
    },
    rows: (spec) => rows(tx, spec),
  }
}

function updates(tx: Transaction): UpdateStore {
  const table = tx.table<UpdateRecord, number>('$updates')
  const of = (document: string) => table.where('d').equals(document)
  const tracks = () => table.where('d').between('track/', 'track0')
  return {
    of: async (document) => (await of(document).toArray()) as Numbered<UpdateRecord>[],
    async localOf(document) {
      // From [local, d] to the empty array, which sorts behind every number: all that begins with these two.
      const local = table.where('[o+d+n+at]').between(['local', document], ['local', document, []])
      return ((await local.toArray()) as Numbered<UpdateRecord>[]).sort((a, b) => a.seq - b.seq)
    },
    count: async (document) => of(document).count(),
    get: async (seqs) => (await table.bulkGet([...seqs])) as (Numbered<UpdateRecord> | undefined)[],
    add: async (record) => table.add(record),
    async put(records) {
      await table.bulkPut([...records])
    },
    async remove(seqs) {
      await table.bulkDelete([...seqs])
    },
    async localDocuments(prefix) {
      const local = table.where('[o+d+n+at]').between(['local', prefix], ['local', `${prefix}\uffff`])
      const keys = (await local.keys()) as unknown as [o: string, d: string][]
      return [...new Set(keys.map(([, d]) => d))]
    },
    async removeDurableTracks(before) {
      await tracks()
        .filter(({ o, at }) => o !== 'local' && at < before)
        .delete()
    },
  }
}

function documents(tx: Transaction): DocumentStore {
  const table = tx.table<DocumentRecord, string>('$docs')
  return {
    get: async (document) => table.get(document),
    async put(record) {
      await table.put(record)
    },
  }
}

function edits(tx: Transaction): EditStore {
  const table = tx.table<OpsRecord, number>('$ops')
  return {
    async of(name, part) {
      const all = table.where('t').equals(name)
      const wanted = part ? all.offset(part.offset).limit(part.limit) : all
      return (await wanted.toArray()) as Numbered<OpsRecord>[]
    },
    tables: async () => (await table.orderBy('t').uniqueKeys()) as string[],
    first: async () => (await table.orderBy(':id').first())?.seq ?? null,
    async add(records) {
      await table.bulkAdd([...records])
    },
    async put(records) {
      await table.bulkPut([...records])
    },
    async remove(seqs) {
      await table.bulkDelete([...seqs])
    },
  }
}

function fixes(tx: Transaction): FixStore {
  const table = tx.table<FixRecord, number>('$fixes')
  return {
    all: async () => table.toArray(),
    async newest(document, limit) {
      const found = await table.where('d').equals(document).reverse().limit(limit).toArray()
      return found as Numbered<FixRecord>[]
    },
    tracks: async () => (await table.orderBy('d').uniqueKeys()) as string[],
    async add(records) {
      await table.bulkAdd([...records])
    },
    async remove(seqs) {
      await table.bulkDelete([...seqs])
    },
    async removeOldest(beyond) {
      const excess = (await table.count()) - beyond
      if (excess <= 0) return 0
      const oldest = await table.orderBy(':id').limit(excess).primaryKeys()
      await table.bulkDelete(oldest)
      return oldest.length
    },
  }
}

function shelf(tx: Transaction): ShelfStore {
  const table = tx.table<ShelfRecord, number>('$shelf')
  return { add: async (records) => table.bulkAdd([...records], { allKeys: true }) }
}

function state(tx: Transaction): StateStore {
  const table = tx.table<StateRecord, string>('$state')
  return {
    get: async (k) => (await table.get(k))?.v,
    async put(k, v) {
      await table.put({ k, v })
    },
  }
}

function rows(tx: Transaction, spec: TableSpec): RowStore {
  const table = tx.table<Row, IndexableType>(spec.name)
  return {
    isEmpty: async () => (await table.count()) === 0,
    keys: async () => (await table.toCollection().primaryKeys()) as Key[],
    get: async (keys) => table.bulkGet([...keys] as IndexableType[]),
    async put(wanted) {
      const values = wanted.map(({ row }) => row)
      if (spec.keyPath !== null) await table.bulkPut(values)
      else await table.bulkPut(values, wanted.map(({ key }) => key) as IndexableTypeArrayReadonly)
    },
    async remove(keys) {
      await table.bulkDelete([...keys] as IndexableType[])
    },
    keysWith: async ({ name }, value) =>
      (await table
        .where(name)
        .equals(value as IndexableType)
        .primaryKeys()) as Key[],
  }
}
