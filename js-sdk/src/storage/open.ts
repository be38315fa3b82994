/**
 * Opens a database with whatever tables the app asks for now, beside all it asked for before. In: a Dexie object,
 * open or not, and the app's tables. Out: the same object, open, and who it is.
 */
import type { Dexie } from 'dexie'
import { buildDocument } from '../engine/document-log.js'
import { leftTables } from '../engine/left-tables.js'
import { pendingEdits } from '../engine/pending.js'
import type { Findings } from '../engine/shell.js'
import { showRows } from '../engine/view.js'
import { StorageUnavailable } from '../errors.js'
import { tableDocument } from '../names.js'
import { parseSchema, type TableSpec } from '../schema.js'
import { dexieStores } from './dexie-stores.js'
import {
  declaration,
  type Installation,
  install,
  type PhysicalStore,
  physicalTable,
  plainTable,
} from './install.js'
import { type StateRecord, SYSTEM_STORES } from './records.js'

export interface OpenedTables {
  readonly dataLoss: string | null
  /** Those that are synced: of the schema, and those that it has no more but whose edits are still to be sent. */
  readonly tables: readonly TableSpec[]
  readonly schemas: Readonly<Record<string, string>>
}

/**
 * Open the database with the tables of a schema, of which some may stay on this device.
 * Throws `StorageUnavailable` where the browser has no database or does not open it.
 */
export async function openTables(
  db: Dexie,
  factory: IDBFactory | undefined,
  parsed: readonly TableSpec[],
  schema: Readonly<Record<string, string>>,
  unsynced: readonly string[] = [],
): Promise<OpenedTables> {
  const synced = parsed.filter(({ name }) => !unsynced.includes(name))
  const stores = parsed.map((spec) => (synced.includes(spec) ? physicalTable(spec) : plainTable(spec)))
  const { dataLoss } = await openDatabase(db, factory, stores)
  const asked = Object.fromEntries(synced.map(({ name }) => [name, schema[name] as string]))
  const schemas = await db.transaction('rw!', ['$ops', '$updates', '$state'], (tx) =>
    leftTables(dexieStores(tx), asked),
  )
  const left = parseSchema(schemas)
  if (left.length > 0) await openDatabase(db, factory, [...stores, ...left.map(physicalTable)])
  return { dataLoss, tables: [...synced, ...left], schemas: { ...schemas, ...asked } }
}

async function openDatabase(
  db: Dexie,
  factory: IDBFactory | undefined,
  tables: readonly PhysicalStore[],
): Promise<Installation> {
  if (!factory) throw new StorageUnavailable('There is no IndexedDB here.')
  const stores = [...systemStores(), ...tables]
  try {
    return await underLock(`whs-schema:${db.name}`, async () => {
      db.close()
      const installation = await install(factory, db.name, stores)
      db.close({ disableAutoOpen: false }) // It may open itself again from now on, as it does when it is closed from outside.
      db.version(installation.version / 10).stores(
        Object.fromEntries(stores.map((store) => [store.name, declaration(store)])),
      )
      await db.open()
      return installation
    })
  } catch (cause) {
    throw new StorageUnavailable(`The database "${db.name}" can't be opened: ${String(cause)}`, { cause })
  }
}

/** Make the rows of tables again whose store had to be made anew. Any tab may: it changes no document. */
export async function rebuildTables(
  db: Dexie,
  ours: WeakSet<object>,
  tables: readonly TableSpec[],
  findings: Findings,
): Promise<void> {
  const state = await db.table<StateRecord, string>('$state').get('rebuild')
  const names = (state?.v ?? []) as readonly string[]
  for (const spec of tables.filter(({ name }) => names.includes(name))) {
    await db.transaction('rw!', [spec.name, '$ops', '$updates', '$state'], async (tx) => {
      ours.add(tx.idbtrans)
      const stores = dexieStores(tx)
      const doc = buildDocument(await stores.updates.of(tableDocument(spec.name)))
      await showRows(stores, spec, doc, await pendingEdits(stores, spec.name), 'all', findings)
      const left = (await tx.table<StateRecord, string>('$state').get('rebuild'))?.v as string[] | undefined
      await tx.table('$state').put({ k: 'rebuild', v: (left ?? []).filter((name) => name !== spec.name) })
    })
  }
}

function systemStores(): PhysicalStore[] {
  return Object.entries(SYSTEM_STORES).map(([name, source]) => {
    const [primary = '', ...indexes] = source.split(',').map((part) => part.trim())
    const spec = parseSchema({
      [name.slice(1)]: [primary.replace('++', ''), ...indexes].join(','),
    })[0] as TableSpec
    return { ...physicalTable(spec), name, autoIncrement: primary.startsWith('++') }
  })
}

/** One tab at a time, where Web Locks exist; where not, the browser's own transaction has to do. */
function underLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  return (globalThis.navigator?.locks?.request(name, work) as Promise<T> | undefined) ?? work()
}
