import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { NotLeading } from '../../src/errors.js'
import type { DeviceStore, DeviceStoreOptions } from '../../src/storage/device-store.js'
import { editsOf, newStore, opsOf, shelfOf, storeOf, updatesOf } from '../support/device.js'
import { TestServer } from '../support/server.js'
import { settle, Tab } from '../support/tab.js'
import { readDisk } from '../support/view.js'

// biome-ignore lint/suspicious/noExplicitAny: tables of tests hold whatever a test needs
const cars = (store: DeviceStore) => store.db.table<any, any>('cars')

async function leading(options: Partial<DeviceStoreOptions> = {}, schema = 'id, n'): Promise<DeviceStore> {
  const store = await storeOf(schema, options)
  await store.lead()
  return store
}

async function tab(
  server: TestServer,
  options: Partial<DeviceStoreOptions> = {},
  maxBytes = 10_000,
): Promise<Tab> {
  return new Tab(await leading(options), server, maxBytes)
}

async function expectTrueView(store: DeviceStore): Promise<void> {
  const { shown, expected } = await readDisk(store)
  expect(shown).toEqual(expected)
}

/** An update of another device that the server might send. */
function remote(rows: Record<string, object | null>, base?: Uint8Array): Uint8Array {
  const doc = new Y.Doc()
  if (base) Y.applyUpdate(doc, base)
  const before = Y.encodeStateVector(doc)
  for (const [key, fields] of Object.entries(rows)) {
    const row = doc.getMap<Y.Map<unknown>>('rows').get(key)
    if (fields === null) doc.getMap('rows').delete(key)
    else if (row) for (const [name, value] of Object.entries(fields)) row.set(name, value)
    else doc.getMap('rows').set(key, new Y.Map(Object.entries(fields)))
  }
  return base ? Y.encodeStateAsUpdate(doc, before) : Y.encodeStateAsUpdate(doc)
}

describe('a round trip', () => {
  it('brings a row from one device to the other, and both know that it is durable', async () => {
    const server = new TestServer()
    const [one, two] = [await tab(server), await tab(server)]
    await cars(one.store).add({ id: 'a', n: 1, at: new Date(5) })
    expect(await one.store.pending()).toMatchObject({ edits: 1 })
    await settle(server, [one, two])
    expect(await cars(two.store).toArray()).toEqual([{ id: 'a', n: 1, at: new Date(5) }])
    expect(await one.store.pending()).toEqual({ edits: 0, oldestAt: null })
    expect((await updatesOf(one.store)).map(({ o, ops }) => [o, ops])).toContainEqual(['remote', undefined])
  })

  it('counts an edit as pending until the server has committed it', async () => {
    const server = new TestServer()
    const device = await tab(server, { now: () => 77 })
    await settle(server, [device])
    await cars(device.store).bulkAdd([{ id: 'a' }, { id: 'b' }])
    await device.flush()
    expect(await opsOf(device.store)).toEqual([])
    expect(await device.store.pending()).toEqual({ edits: 2, oldestAt: 77 })
    expect(await device.store.pendingOf('tables/cars')).toEqual({ edits: 2, oldestAt: 77 })
    expect(await device.store.pendingOf('tables/other')).toEqual({ edits: 0, oldestAt: null })
    server.serve(device.link!)
    expect((await device.store.pending()).edits).toBe(2)
    await device.pump()
    expect((await device.store.pending()).edits).toBe(0)
  })

  it('splits a large write into updates near the size that is asked for', async () => {
    const device = await leading()
    const rows = Array.from({ length: 700 }, (_, i) => ({ id: `car-${i}`, n: i, name: 'x'.repeat(60) }))
    await cars(device).bulkAdd(rows)
    const sizes: number[] = []
    for (let made = 0; made < 700; ) {
      const update = await device.replica('cars').fold(8000)
      sizes.push(update!.update.length)
      made += update!.edits
      await expectTrueView(device)
    }
    expect(await device.replica('cars').fold(8000)).toBeNull()
    expect(sizes.length).toBeGreaterThan(6)
    expect(Math.max(...sizes)).toBeLessThan(10_000)
    expect((await device.pending()).edits).toBe(700)
  })

  it('keeps all fields when two offline devices have created the same row', async () => {
    const server = new TestServer()
    const [one, two] = [await tab(server), await tab(server)]
    await cars(one.store).put({ id: 'settings', x: 1 })
    await cars(two.store).put({ id: 'settings', y: 2 })
    await settle(server, [one])
    await settle(server, [one, two])
    expect(server.rows()).toEqual({ settings: { x: 1, y: 2 } })
    expect(await cars(one.store).get('settings')).toEqual({ id: 'settings', x: 1, y: 2 })
  })

  it('keeps them in the same round trip too, also when the loser has restarted since', async () => {
    for (const restart of [false, true]) {
      const server = new TestServer()
      const indexedDB = new IDBFactory()
      const tabs = [await tab(server, { indexedDB }), await tab(server)]
      await settle(server, tabs)
      await cars(tabs[0]!.store).put({ id: 'settings', x: 1 })
      await cars(tabs[1]!.store).put({ id: 'settings', y: 2 })
      for (const { flush } of tabs.map((tab) => ({ flush: () => tab.flush() }))) await flush()
      for (const { link } of tabs) server.serve(link!)
      if (restart) {
        const { name } = tabs[0]!.store.db
        await tabs[0]!.pump()
        tabs[0]!.cut()
        tabs[0]!.store.close()
        tabs[0] = await tab(server, { indexedDB, name })
      }
      await settle(server, tabs)
      expect(server.rows()).toEqual({ settings: { x: 1, y: 2 } })
      for (const { store } of tabs) expect(await cars(store).get('settings')).toMatchObject({ x: 1, y: 2 })
    }
  })
})

describe('receive', () => {
  it('lays waiting edits over what arrives', async () => {
    const store = await leading()
    const first = remote({ a: { n: 1, m: 1 } })
    await store.replica('cars').receive([first])
    await cars(store).update('a', { n: 21 })
    await store.replica('cars').receive([remote({ a: { n: 33, m: 2 } }, first)])
    expect(await cars(store).get('a')).toEqual({ id: 'a', n: 21, m: 2 })
    expect(await editsOf(store)).toHaveLength(1)
    await expectTrueView(store)
  })

  it('does not log what it writes, nor store what it knows', async () => {
    const store = await leading()
    const update = remote({ a: { n: 1 } })
    await store.replica('cars').receive([update])
    await store.replica('cars').receive([update, update])
    expect(await opsOf(store)).toEqual([])
    expect(await updatesOf(store)).toHaveLength(1)
  })

  it('keeps an update whose causes are missing, once, and shows it when they come', async () => {
    const store = await leading()
    const first = remote({ a: { n: 1 } })
    const second = remote({ a: { n: 2 } }, first)
    await store.replica('cars').receive([second])
    await store.replica('cars').receive([second])
    expect(await cars(store).count()).toBe(0)
    store.replica('cars').unload()
    await store.replica('cars').receive([first])
    expect(await cars(store).get('a')).toEqual({ id: 'a', n: 2 })
    expect(await updatesOf(store)).toHaveLength(2)
  })

  it('admits rows that break a unique index, and reports them', async () => {
    const conflict = vi.fn()
    const store = await leading({ events: { conflict } }, 'id, &plate')
    await cars(store).add({ id: 'mine', plate: 'X' })
    await store.replica('cars').receive([remote({ theirs: { plate: 'X' }, free: { plate: 'Y' } })])
    expect(await cars(store).count()).toBe(3)
    expect(conflict).toHaveBeenCalledExactlyOnceWith({
      table: 'cars',
      index: 'plate',
      value: 'X',
      keys: ['mine', 'theirs'],
    })
  })

  it('reports a row that can not be read, and shows the others', async () => {
    const problem = vi.fn()
    const store = await leading({ events: { problem } })
    await store.replica('cars').receive([remote({ '#n05': { n: 1 }, good: { n: 2 } })])
    expect(await cars(store).toArray()).toEqual([{ id: 'good', n: 2 }])
    expect(problem).toHaveBeenCalledOnce()
  })

  it('shows nothing of a document in a layout that it does not know, and folds nothing into it', async () => {
    const problem = vi.fn()
    const store = await leading({ events: { problem } })
    await cars(store).add({ id: 'mine' })
    const doc = new Y.Doc()
    doc.getMap('meta').set('codec', 2)
    doc.getMap('rows').set('a', new Y.Map([['n', 1]]))
    await store.replica('cars').receive([Y.encodeStateAsUpdate(doc)])
    expect((await cars(store).toArray()).map(({ id }) => id)).toEqual(['mine'])
    expect(problem).toHaveBeenCalled()
    expect(await store.replica('cars').fold(1000)).toBeNull()
    expect((await store.pending()).edits).toBe(1)
  })
})

describe('edits that can not be kept', () => {
  it('of a row that somebody has deleted go to the shelf, and can be tried again', async () => {
    const rejected = vi.fn()
    const store = await leading({ events: { rejected } })
    const first = remote({ a: { n: 1 } })
    await store.replica('cars').receive([first])
    await cars(store).update('a', { n: 5 })
    await store.replica('cars').receive([remote({ a: null }, first)])
    expect(await cars(store).get('a')).toBeUndefined()
    expect(await store.replica('cars').fold(1000)).toBeNull()
    const [edit] = await store.rejectedEdits()
    expect(edit).toMatchObject({ table: 'cars', key: 'a', kind: 'change', fields: { n: 5 } })
    expect(edit!.reason.code).toBe('deleted')
    expect(rejected).toHaveBeenCalledOnce()
    await store.retry([edit!.id])
    expect(await cars(store).get('a')).toEqual({ id: 'a', n: 5 })
    expect(await store.rejectedEdits()).toEqual([])
    expect(await editsOf(store)).toEqual([{ k: 'a', ins: true, set: { n: 5 } }])
  })

  it('that the server refuses leave document and rows; later ones that build on them are made again', async () => {
    const server = new TestServer()
    const device = await tab(server)
    await settle(server, [device])
    await cars(device.store).bulkAdd([
      { id: 'a', n: 1 },
      { id: 'b', n: 1 },
    ])
    await device.flush()
    await cars(device.store).update('b', { n: 2 })
    await cars(device.store).add({ id: 'c', n: 3 })
    await device.flush()
    server.refuseNext(1)
    await settle(server, [device])
    expect(server.rows()).toEqual({ c: { n: 3 } })
    expect(await cars(device.store).toArray()).toEqual([{ id: 'c', n: 3 }])
    const shelf = await device.store.rejectedEdits()
    expect(shelf.map(({ key, kind, reason }) => [key, kind, reason.code])).toEqual([
      ['a', 'add', 'not_allowed'],
      ['b', 'add', 'not_allowed'],
      ['b', 'change', 'deleted'],
    ])
    await device.store.discard(shelf.map(({ id }) => id))
    expect(await shelfOf(device.store)).toEqual([])
    expect((await device.store.pending()).edits).toBe(0)
    await expectTrueView(device.store)
  })
})

describe('an update beside a refused one', () => {
  it('stays what it is when it does not build on it, also while something else waits for its causes', async () => {
    const store = await leading()
    const replica = store.replica('cars')
    const cause = remote({ x: { n: 1 } })
    await replica.receive([remote({ x: { n: 2 } }, cause)])
    await cars(store).add({ id: 'a', n: 1 })
    const first = await replica.fold(1000)
    store.close()
    await store.open({ cars: 'id, n' })
    await store.lead()
    await cars(store).add({ id: 'b', n: 2 })
    const second = await store.replica('cars').fold(1000)
    await store.replica('cars').refuse([first!.id], { code: 'not_allowed', message: 'No.' })
    expect(await store.replica('cars').unconfirmed(new Uint8Array([0]))).toEqual([second])
    expect(await cars(store).toArray()).toEqual([{ id: 'b', n: 2 }])
    await expectTrueView(store)
  })
})

describe('another epoch', () => {
  it('takes the old history away, and what was not durable into the new one', async () => {
    const server = new TestServer()
    const device = await tab(server)
    await cars(device.store).add({ id: 'a', n: 1, m: 1 })
    await settle(server, [device])
    await cars(device.store).update('a', { n: 2 })
    await device.flush()
    await cars(device.store).update('a', { m: 2 })
    server.changeEpoch()
    await device.connect()
    await device.pump()
    expect(await cars(device.store).get('a')).toEqual({ id: 'a', n: 2, m: 2 })
    expect((await device.store.pending()).edits).toBe(2)
    expect(await device.replica.fold(1000)).toBeNull()
    await settle(server, [device])
    expect(server.rows()).toEqual({ a: { n: 2, m: 2 } })
    await expectTrueView(device.store)
  })

  it('removes rows that the new history does not have', async () => {
    const server = new TestServer()
    const device = await tab(server)
    await cars(device.store).add({ id: 'a', n: 1 })
    await settle(server, [device])
    server.doc.getMap('rows').delete('a')
    server.changeEpoch()
    await settle(server, [device])
    expect(await cars(device.store).count()).toBe(0)
  })
})

describe('a server that was restored from a backup', () => {
  it('gets back what it had acknowledged and lost', async () => {
    const server = new TestServer()
    const [one, two] = [await tab(server), await tab(server)]
    await cars(one.store).add({ id: 'a', n: 1 })
    await settle(server, [one, two])
    await cars(one.store).add({ id: 'b', n: 2 })
    await settle(server, [one, two])
    server.restoreWithout(1)
    expect(server.rows()).toEqual({ a: { n: 1 } })
    await settle(server, [two])
    expect(server.rows()).toEqual({ a: { n: 1 }, b: { n: 2 } })
  })

  it('is sent nothing twice when it lacks only what is not durable', async () => {
    const device = await leading()
    await cars(device).add({ id: 'a', n: 1 })
    const update = await device.replica('cars').fold(1000)
    expect(await device.replica('cars').unconfirmed(new Uint8Array([0]))).toEqual([update])
  })
})

describe('compaction', () => {
  it('puts a snapshot in the place of what is durable, and touches nothing else', async () => {
    const server = new TestServer()
    const device = await tab(server)
    for (let i = 0; i < 70; i++) {
      await cars(device.store).put({ id: `car-${i % 7}`, n: i })
      await settle(server, [device])
    }
    await cars(device.store).add({ id: 'fresh' })
    await device.flush()
    const before = await updatesOf(device.store)
    const state = (records: { u: Uint8Array }[]) => {
      const doc = new Y.Doc()
      for (const { u } of records) Y.applyUpdate(doc, u)
      return [Y.encodeStateAsUpdate(doc), Y.encodeStateVector(doc)]
    }
    await device.replica.compact()
    const after = await updatesOf(device.store)
    expect(before.length).toBeGreaterThan(64)
    expect(after.map(({ o }) => o).sort()).toEqual(['local', 'snapshot'])
    expect(after.filter(({ o }) => o === 'local')).toEqual(before.filter(({ o }) => o === 'local'))
    expect(state(after)).toEqual(state(before))
    await settle(server, [device])
    await expectTrueView(device.store)
  })
})

describe('two leaders', () => {
  it('are kept apart by the store: the earlier one changes nothing any more', async () => {
    const indexedDB = new IDBFactory()
    const old = await leading({ indexedDB })
    await cars(old).add({ id: 'a' })
    const young = newStore({ indexedDB, name: old.db.name })
    await young.open({ cars: 'id, n' })
    await expect(young.replica('cars').fold(1000)).rejects.toThrow(NotLeading)
    await young.lead()
    await expect(old.replica('cars').fold(1000)).rejects.toThrow(NotLeading)
    await expect(old.replica('cars').receive([remote({ b: {} })])).rejects.toThrow(NotLeading)
    expect((await young.replica('cars').fold(1000))?.edits).toBe(1)
    await cars(old).add({ id: 'c' })
    expect((await young.pending()).edits).toBe(2)
    await old.lead()
    expect((await old.replica('cars').fold(1000))?.edits).toBe(1)
    await expectTrueView(old)
  })
})

describe('a transaction that aborts', () => {
  it('leaves no trace in memory: the next one starts from the disk', async () => {
    let full = true
    const store = await leading({
      crash: (label) => {
        if (full && label === 'fold:stored') throw new DOMException('The disk is full.', 'QuotaExceededError')
      },
    })
    await cars(store).add({ id: 'a', n: 1 })
    await expect(store.replica('cars').fold(1000)).rejects.toThrow('full')
    expect(await opsOf(store)).toHaveLength(1)
    full = false
    const update = await store.replica('cars').fold(1000)
    const doc = new Y.Doc()
    Y.applyUpdate(doc, update!.update)
    expect(doc.getMap('rows').toJSON()).toEqual({ a: { n: 1 } })
    expect(doc.store.clients.size).toBe(1)
  })

  it('because the connection was closed underneath is tried again on a new one', async () => {
    const degraded = vi.fn()
    const store = await leading({ events: { degraded } })
    await cars(store).add({ id: 'a', n: 1 })
    await store.replica('cars').receive([remote({ b: { n: 1 } })])
    store.db.close()
    expect((await store.replica('cars').fold(1000))?.edits).toBe(1)
    expect(degraded.mock.calls).toEqual([[true], [false]])
    expect(await cars(store).count()).toBe(2)
  })
})
