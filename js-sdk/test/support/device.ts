/** A device in a test: its own IndexedDB under a name of its own, because Dexie signals changes by name. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { DeviceStore, type DeviceStoreOptions } from '../../src/storage/device-store.js'
import type { OpsRecord, ShelfRecord, UpdateRecord } from '../../src/storage/records.js'

let count = 0

export function newStore(options: Partial<DeviceStoreOptions> = {}): DeviceStore {
  count += 1
  const indexedDB = options.indexedDB ?? new IDBFactory()
  return new DeviceStore({ name: `device-${count}`, IDBKeyRange, mirror: null, ...options, indexedDB })
}

/** An open store of one table, `cars`. */
export async function storeOf(
  schema: string,
  options: Partial<DeviceStoreOptions> = {},
): Promise<DeviceStore> {
  const store = newStore(options)
  await store.open({ cars: schema })
  return store
}

export async function opsOf(store: DeviceStore): Promise<OpsRecord[]> {
  return store.db.table('$ops').toArray()
}

/** All logged edits, oldest first. */
export async function editsOf(store: DeviceStore) {
  return (await opsOf(store)).flatMap((record) => record.l)
}

export async function updatesOf(store: DeviceStore): Promise<UpdateRecord[]> {
  return store.db.table('$updates').toArray()
}

export async function shelfOf(store: DeviceStore): Promise<ShelfRecord[]> {
  return store.db.table('$shelf').toArray()
}

/** localStorage for one origin. */
export function newMirror() {
  const items = new Map<string, string>()
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  }
}
