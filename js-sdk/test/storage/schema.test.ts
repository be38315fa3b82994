import { Dexie } from 'dexie'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { newMirror, newStore, updatesOf } from '../support/device.js'

const EPOCH = 'e1'

/** Two tabs: one database, opened twice. */
function twoTabs() {
  const indexedDB = new IDBFactory()
  const first = newStore({ indexedDB })
  return [first, newStore({ indexedDB, name: first.db.name })] as const
}

describe('a schema that changes', () => {
  it('gains a table and an index, and loses nothing that it no longer mentions', async () => {
    const indexedDB = new IDBFactory()
    const old = newStore({ indexedDB })
    await old.open({ cars: '++id, name', drivers: '++id' })
    await old.db.table('drivers').add({ id: 'd', n: 1 })
    old.close()

    const young = newStore({ indexedDB, name: old.db.name })
    await young.open({ cars: '++id, name, plate', trips: '++id' })
    await young.db.table('cars').add({ id: 'a', plate: 'X' })
    expect(await young.db.table('cars').where('plate').equals('X').count()).toBe(1)
    // What was written before is still to be sent.
    expect(young.tables()).toEqual(['cars', 'trips', 'drivers'])
    young.close()

    const again = newStore({ indexedDB, name: old.db.name })
    await again.open({ cars: '++id', drivers: '++id' })
    expect(await again.db.table('drivers').get('d')).toEqual({ id: 'd', n: 1 })
  })

  it('can be opened on the same object, and its writes go on being captured', async () => {
    const store = newStore()
    await store.open({ cars: '++id' })
    const { db } = store
    await db.table('cars').add({ n: 1 })
    await store.open({ cars: '++id, n', trips: '++id' })
    expect(store.db).toBe(db)
    await db.table('trips').add({ n: 1 })
    await db.table('cars').where('n').equals(1).modify({ n: 2 })
    expect((await store.pending()).edits).toBe(3)
  })

  it('keeps the object open when it has not changed', async () => {
    const store = newStore()
    await store.open({ cars: '++id' })
    const { cars } = store.db as unknown as { cars: unknown }
    await store.open({ cars: '++id' })
    expect((store.db as unknown as { cars: unknown }).cars).toBe(cars)
  })

  it('comes in two tabs at once: both find their tables', async () => {
    const [first, second] = twoTabs()
    await Promise.all([
      first.open({ cars: '++id, a', trips: 'id' }),
      second.open({ cars: '++id, b', stops: 'id' }),
    ])
    await first.db.table('trips').add({ id: 't' })
    await second.db.table('stops').add({ id: 's' })
    await first.db.table('cars').add({ id: 'c', a: 1, b: 2 })
    expect(await first.db.table('cars').where('a').equals(1).count()).toBe(1)
    expect(await second.db.table('cars').where('b').equals(2).count()).toBe(1)
    expect((await second.pending()).edits).toBe(3)
  })

  it('leaves an older tab working beside a newer one', async () => {
    const [older, newer] = twoTabs()
    await older.open({ cars: '++id' })
    await newer.open({ cars: '++id, name', trips: '++id' })
    await older.db.table('cars').add({ id: 'a', name: 'Bus' })
    expect(await newer.db.table('cars').where('name').equals('Bus').count()).toBe(1)
    expect((await newer.pending()).edits).toBe(1)
  })

  it('may change a primary key: the rows are made again from document and log', async () => {
    const indexedDB = new IDBFactory()
    const old = newStore({ indexedDB })
    await old.open({ cars: 'id, name' })
    await old.lead()
    await old.db.table('cars').bulkAdd([
      { id: 'a', name: 'Bus' },
      { id: 'b', name: 'Van' },
    ])
    const replica = old.replica('cars')
    await replica.adopt(EPOCH)
    await replica.fold(10_000)
    await old.db.table('cars').update('b', { name: 'Truck' })
    old.close()

    const young = newStore({ indexedDB, name: old.db.name })
    await young.open({ cars: 'code, name' })
    expect(await young.db.table('cars').toArray()).toEqual([
      { code: 'a', name: 'Bus' },
      { code: 'b', name: 'Truck' },
    ])
    expect((await young.pending()).edits).toBe(3)
    expect(await updatesOf(young)).toHaveLength(1)
  })

  it('has unique indexes that admit what other devices write', async () => {
    const store = newStore()
    await store.open({ cars: 'id, &plate, *tags, [a+b]' })
    const index = store.db.table('cars').core.schema.indexes.find(({ name }) => name === 'plate')
    expect(index?.unique).toBe(false)
  })

  it('refuses what can not be synced, by name', async () => {
    await expect(newStore().open({ $cars: 'id' })).rejects.toMatchObject({ code: 'config' })
    await expect(newStore().open({ cars: 'meta.id' })).rejects.toMatchObject({ code: 'config' })
  })

  it("is not touched by Dexie's own upgrades: the stores survive plain Dexie", async () => {
    const indexedDB = new IDBFactory()
    const store = newStore({ indexedDB })
    await store.open({ cars: '++id' })
    await store.db.table('cars').add({ n: 1 })
    store.close()
    const plain = new Dexie(store.db.name, { indexedDB, IDBKeyRange })
    await plain.open()
    expect(await plain.table('$ops').count()).toBe(1)
  })
})

describe('a store that was lost', () => {
  it('is reported when localStorage remembers it, and starts as a new install', async () => {
    const mirror = newMirror()
    const before = newStore({ mirror, now: () => 1000 })
    const first = await before.open({ cars: '++id' })
    expect(first.lost).toBeNull()
    const after = newStore({ mirror, name: before.db.name })
    const second = await after.open({ cars: '++id' })
    expect(second.lost).toEqual({ lastSeen: new Date(1000) })
    expect(second.installId).not.toBe(first.installId)
    expect(await after.open({ cars: '++id, n' })).toEqual(second)
  })

  it('is reported when the browser says that all data was lost', async () => {
    const factory = new IDBFactory()
    const indexedDB = new Proxy(factory, {
      get(target, name) {
        if (name !== 'open') return Reflect.get(target, name, target)
        return (...args: Parameters<IDBFactory['open']>) => {
          const request = target.open(...args)
          request.addEventListener('upgradeneeded', (event) => {
            if (event.oldVersion === 0) Object.assign(event, { dataLoss: 'total' })
          })
          return request
        }
      },
    })
    const store = newStore({ indexedDB })
    expect((await store.open({ cars: '++id' })).lost).toEqual({ lastSeen: null })
  })

  it('is none after deleteAll, nor when it is opened again', async () => {
    const mirror = newMirror()
    const indexedDB = new IDBFactory()
    const store = newStore({ mirror, indexedDB })
    const first = await store.open({ cars: '++id' })
    store.close()
    expect(await store.open({ cars: '++id' })).toEqual(first)
    await store.deleteAll()
    const fresh = await store.open({ cars: '++id' })
    expect(fresh.lost).toBeNull()
    expect(fresh.installId).not.toBe(first.installId)
  })
})
