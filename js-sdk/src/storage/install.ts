/**
 * Makes the native database hold every store and index that is asked for. In: a database's name and physical stores.
 * Out: its version. Works on IndexedDB itself, because inside one `versionchange` transaction the browser lets
 * nobody else in: two tabs that come with different schemas both find theirs, also where Web Locks are missing.
 * (Through Dexie's own upgrade one of the two tables is gone, and a changed primary key is refused.)
 *
 * Nothing is ever dropped, but for a store whose primary key changed: its rows are a view and are made again.
 */
import type { IndexSpec, TableSpec } from '../schema.js'

/** A store as IndexedDB has it. */
export interface PhysicalStore {
  readonly name: string
  readonly keyPath: string | readonly string[] | null
  readonly autoIncrement: boolean
  readonly indexes: readonly IndexSpec[]
}

export interface Installation {
  /** The native version that holds all of it; Dexie's is a tenth of it. */
  readonly version: number
  /** What Chromium says after it has thrown away a damaged database: 'total'. */
  readonly dataLoss: string | null
}

/**
 * A synced table: keys are made by the SDK, so that a write which goes around it fails instead of inventing a
 * number; unique indexes are checked on writing (`unique.ts`).
 */
export function physicalTable({ name, keyPath, indexes }: TableSpec): PhysicalStore {
  return {
    name,
    keyPath,
    autoIncrement: false,
    indexes: indexes.map((index) => ({ ...index, unique: false })),
  }
}

/** A table that stays on this device: as Dexie would make it. */
export function plainTable({ name, keyPath, generated, indexes }: TableSpec): PhysicalStore {
  return { name, keyPath, autoIncrement: generated, indexes }
}

/** A store as Dexie's `stores()` wants it declared. */
export function declaration({ keyPath, autoIncrement, indexes }: PhysicalStore): string {
  const primary = typeof keyPath === 'string' ? keyPath : keyPath ? `[${keyPath.join('+')}]` : ''
  const rest = indexes.map(({ name, unique, multi }) => `${unique ? '&' : ''}${multi ? '*' : ''}${name}`)
  return [`${autoIncrement ? '++' : ''}${primary}`, ...rest].join(', ')
}

/** `rebuild` is a record of `$state`: the tables whose rows must be made again. */
export async function install(
  factory: IDBFactory,
  name: string,
  stores: readonly PhysicalStore[],
): Promise<Installation> {
  let dataLoss: string | null = null
  const build = (db: IDBDatabase, tx: IDBTransaction, event: IDBVersionChangeEvent) => {
    if (event.oldVersion === 0) dataLoss = (event as { dataLoss?: string }).dataLoss ?? null
    const recreated = stores.filter((store) => bringUp(db, tx, store)).map((store) => store.name)
    if (recreated.length > 0) note(tx.objectStore('$state'), recreated)
  }
  for (let version: number | undefined; ; ) {
    const db = await open(factory, name, version, build)
    if (db === null) {
      version = undefined // Somebody else was faster; look again.
      continue
    }
    const found = db.version
    const isComplete = hasAll(db, stores)
    db.close()
    if (isComplete) return { version: found, dataLoss }
    version = found + 1
  }
}

function open(
  factory: IDBFactory,
  name: string,
  version: number | undefined,
  build: (db: IDBDatabase, tx: IDBTransaction, event: IDBVersionChangeEvent) => void,
): Promise<IDBDatabase | null> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, version)
    request.onupgradeneeded = (event) => build(request.result, request.transaction as IDBTransaction, event)
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close()
      resolve(request.result)
    }
    request.onerror = () => (request.error?.name === 'VersionError' ? resolve(null) : reject(request.error))
  })
}

function hasAll(db: IDBDatabase, stores: readonly PhysicalStore[]): boolean {
  if (stores.some(({ name }) => !db.objectStoreNames.contains(name))) return false
  const tx = db.transaction(
    stores.map(({ name }) => name),
    'readonly',
  )
  return stores.every((wanted) => {
    const store = tx.objectStore(wanted.name)
    return hasKey(store, wanted) && wanted.indexes.every((index) => hasIndex(store, index))
  })
}

/** Returns whether the store had to be made anew. */
function bringUp(db: IDBDatabase, tx: IDBTransaction, wanted: PhysicalStore): boolean {
  const exists = db.objectStoreNames.contains(wanted.name)
  const isOther = exists && !hasKey(tx.objectStore(wanted.name), wanted)
  if (isOther) db.deleteObjectStore(wanted.name)
  const { autoIncrement } = wanted
  const keyPath = wanted.keyPath as string | string[] | null
  const store =
    exists && !isOther
      ? tx.objectStore(wanted.name)
      : db.createObjectStore(wanted.name, { keyPath, autoIncrement })
  for (const index of wanted.indexes) {
    if (hasIndex(store, index)) continue
    if (store.indexNames.contains(index.name)) store.deleteIndex(index.name)
    store.createIndex(index.name, index.keyPath as string | string[], {
      unique: index.unique,
      multiEntry: index.multi,
    })
  }
  return isOther
}

function hasKey(store: IDBObjectStore, { keyPath, autoIncrement }: PhysicalStore): boolean {
  return JSON.stringify(store.keyPath) === JSON.stringify(keyPath) && store.autoIncrement === autoIncrement
}

function hasIndex(store: IDBObjectStore, { name, keyPath, unique, multi }: IndexSpec): boolean {
  if (!store.indexNames.contains(name)) return false
  const index = store.index(name)
  const isSame = JSON.stringify(index.keyPath) === JSON.stringify(keyPath)
  return isSame && index.unique === unique && index.multiEntry === multi
}

function note(state: IDBObjectStore, tables: readonly string[]): void {
  const request = state.get('rebuild')
  request.onsuccess = () => {
    const known = (request.result as { v: string[] } | undefined)?.v ?? []
    state.put({ k: 'rebuild', v: [...new Set([...known, ...tables])] })
  }
}
