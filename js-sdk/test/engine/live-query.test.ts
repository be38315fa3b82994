// Dexie's liveQuery is silent for ever where no global indexedDB was there when Dexie was loaded.
import 'fake-indexeddb/auto'

import { Dexie, liveQuery } from 'dexie'
import { expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { DeviceStore } from '../../src/storage/device-store.js'

async function leading(): Promise<DeviceStore> {
  const store = new DeviceStore({ name: 'live', mirror: null })
  await store.open({ cars: 'id, n' })
  await store.lead()
  return store
}

/** A server's document that says what changed in it. */
function source() {
  const doc = new Y.Doc()
  const rows = doc.getMap<Y.Map<unknown>>('rows')
  return (key: string, n: number): Uint8Array => {
    const before = Y.encodeStateVector(doc)
    const row = rows.get(key)
    if (row) row.set('n', n)
    else rows.set(key, new Y.Map([['n', n]]))
    return Y.encodeStateAsUpdate(doc, before)
  }
}

it('wakes liveQuery for rows that changed and for nothing else; onWrite for writes of the app', async () => {
  const store = await leading()
  const cars = store.db.table('cars')
  const replica = store.replica('cars')
  const change = source()
  await replica.receive([change('a', 1), change('b', 1)])
  const seen: unknown[] = []
  const subscription = liveQuery(() => cars.get('a')).subscribe((row) => void seen.push(row))
  await vi.waitFor(() => expect(seen).toHaveLength(1))

  const wrote = vi.fn()
  const stop = store.onWrite(wrote)
  await replica.receive([change('b', 2)])
  await replica.receive([change('a', 1)])
  expect(wrote).not.toHaveBeenCalled()
  await cars.add({ id: 'mine', n: 1 })
  await vi.waitFor(() => expect(wrote).toHaveBeenCalled())
  await replica.fold(1000)
  await replica.receive([change('a', 2)])
  await vi.waitFor(() => expect(seen.at(-1)).toEqual({ id: 'a', n: 2 }))
  expect(seen).toHaveLength(2)

  stop()
  subscription.unsubscribe()
  store.close()
})

it('lets a listener of onWrite store something, though the signal comes from a transaction that has ended', async () => {
  const store = await leading()
  const folded = new Promise<number | undefined>((resolve, reject) => {
    const stop = store.onWrite(() => {
      stop()
      store
        .replica('cars')
        .fold(1000)
        .then((update) => resolve(update?.edits), reject)
    })
  })
  await store.db.transaction('rw', 'cars', async () => {
    await store.db.table('cars').put({ id: 'x', n: 1 })
    expect(Dexie.currentTransaction).not.toBeNull()
  })
  expect(await folded).toBe(1)
  store.close()
})
