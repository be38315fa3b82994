import { IDBFactory } from 'fake-indexeddb'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { StorageUnavailable } from '../../src/errors.js'
import { DeviceStore } from '../../src/storage/device-store.js'
import { newStore, storeOf } from '../support/device.js'

afterEach(() => vi.unstubAllGlobals())

describe('what is pending', () => {
  it('is counted by document, with the time of the oldest, through log and updates', async () => {
    let now = 100
    const store = newStore({ now: () => now })
    await store.open({ cars: 'id', trips: 'id' })
    await store.lead()
    expect(await store.pending()).toEqual({ edits: 0, oldestAt: null })
    await store.db.table('cars').bulkAdd([{ id: 'a' }, { id: 'b' }])
    now = 200
    await store.db.table('trips').add({ id: 't' })
    await store.replica('cars').fold(10_000)
    expect(await store.pending()).toEqual({ edits: 3, oldestAt: 100 })
    expect(await store.pendingOf('tables/trips')).toEqual({ edits: 1, oldestAt: 200 })
  })

  it('can be exported with the shelf, oldest first, as JSON', async () => {
    const store = await storeOf('id', { now: () => 0 })
    await store.lead()
    const cars = store.db.table('cars')
    await cars.add({ id: 'a', photo: new Uint8Array([1, 2, 255]) })
    const update = await store.replica('cars').fold(10_000)
    await cars.add({ id: 'b', n: 1 })
    const before = JSON.parse(await (await store.exportPending()).text())
    expect(before).toMatchObject({ format: 'webhost-sync pending edits', version: 1, chunks: [], shelf: [] })
    expect(before.edits).toEqual([
      {
        document: 'tables/cars',
        key: 'a',
        ins: true,
        set: { photo: { $t: 'b', k: 'Uint8Array', v: 'AQL/' } },
        at: '1970-01-01T00:00:00.000Z',
      },
      { document: 'tables/cars', key: 'b', ins: true, set: { n: 1 }, at: '1970-01-01T00:00:00.000Z' },
    ])
    await store.replica('cars').refuse([update!.id], { code: 'too_large', message: 'Too large.' })
    const after = JSON.parse(await (await store.exportPending()).text())
    expect(after.edits.map(({ key }: { key: string }) => key)).toEqual(['b'])
    expect(after.shelf[0]).toMatchObject({ key: 'a', reason: { code: 'too_large' } })
  })
})

describe('the browser', () => {
  it('is asked to keep the store at the first write of the app, once', async () => {
    const persist = vi.fn(async () => true)
    vi.stubGlobal('navigator', { storage: { persist } })
    const persisted = vi.fn()
    const store = await storeOf('id', { events: { persisted } })
    expect(persist).not.toHaveBeenCalled()
    await store.db.table('cars').bulkAdd([{ id: 'a' }, { id: 'b' }])
    await store.db.table('cars').add({ id: 'c' })
    expect(persist).toHaveBeenCalledOnce()
    expect(persisted).toHaveBeenCalledExactlyOnceWith(true)
  })

  it('lets one tab at a time change the schema, where it has Web Locks', async () => {
    const names: string[] = []
    const request = (name: string, work: () => unknown) => {
      names.push(name)
      return work()
    }
    vi.stubGlobal('navigator', { locks: { request } })
    const store = await storeOf('id')
    expect(names).toEqual([`whs-schema:${store.db.name}`])
  })

  it('may have no database at all', async () => {
    const store = new DeviceStore({ name: 'nowhere', mirror: null })
    await expect(store.open({ cars: 'id' })).rejects.toThrow(StorageUnavailable)
  })

  it('may close the connection underneath: the app writes on, and so does the engine', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const store = await storeOf('id')
    await store.lead()
    for (let round = 0; round < 5; round++) {
      store.db.backendDB().close()
      await store.db.table('cars').add({ id: `row-${round}` })
      store.db.backendDB().close()
      expect((await store.replica('cars').fold(1000))?.edits).toBe(1)
    }
    warn.mockRestore()
    expect((await store.pending()).edits).toBe(5)
  })

  it('stays closed when the app has closed it', async () => {
    const store = await storeOf('id')
    store.close()
    await expect(store.pending()).rejects.toMatchObject({ name: 'DatabaseClosedError' })
  })
})

describe('deleteAll', () => {
  it('leaves nothing, and a store that can be opened again', async () => {
    const indexedDB = new IDBFactory()
    const store = await storeOf('id', { indexedDB })
    await store.db.table('cars').add({ id: 'a' })
    await store.deleteAll()
    expect(await indexedDB.databases()).toEqual([])
    await store.open({ cars: 'id' })
    expect(await store.db.table('cars').count()).toBe(0)
    expect((await store.pending()).edits).toBe(0)
  })
})

describe('a store that leads again', () => {
  it('writes under a client id of its own: another tab may have dropped what it wrote before', async () => {
    const store = await storeOf('id')
    const writers = new Set<number>()
    for (const id of ['a', 'b']) {
      await store.lead()
      await store.db.table('cars').add({ id })
      const update = await store.replica('cars').fold(10_000)
      for (const client of Y.parseUpdateMeta(update?.update as Uint8Array).to.keys()) writers.add(client)
    }
    expect(writers.size).toBe(2)
  })
})
