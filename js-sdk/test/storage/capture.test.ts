import { add, Dexie } from 'dexie'
import { describe, expect, it } from 'vitest'
import type { DeviceStore } from '../../src/storage/device-store.js'
import { editsOf, newStore, opsOf, storeOf } from '../support/device.js'

// biome-ignore lint/suspicious/noExplicitAny: tables of tests hold whatever a test needs
const cars = (store: DeviceStore) => store.db.table<any, any>('cars')

/** Run the work on a store that has these rows and an empty log, and give what it logged. */
async function logged(work: (store: DeviceStore) => Promise<unknown>, rows: object[] = [], schema = 'id, n') {
  const store = await storeOf(schema)
  await cars(store).bulkAdd(rows)
  await store.db.table('$ops').clear()
  await work(store)
  return { store, edits: await editsOf(store) }
}

describe('what a write of the app leaves in the log', () => {
  it('add: the fields without the key', async () => {
    const { edits } = await logged((store) => cars(store).add({ id: 'a', n: 1, tags: ['x'] }))
    expect(edits).toEqual([{ k: 'a', ins: true, set: { n: 1, tags: ['x'] } }])
  })

  it('put of a new row: an add', async () => {
    const { edits } = await logged((store) => cars(store).put({ id: 'a', n: 1 }))
    expect(edits).toEqual([{ k: 'a', ins: true, set: { n: 1 } }])
  })

  it('put of a known row: only the fields that differ', async () => {
    const { edits } = await logged(
      (store) => cars(store).put({ id: 'a', n: 2, same: { deep: [1] } }),
      [{ id: 'a', n: 1, same: { deep: [1] }, gone: true }],
    )
    expect(edits).toEqual([{ k: 'a', set: { n: 2 }, unset: ['gone'] }])
  })

  it('put of what is there already: nothing', async () => {
    const { store } = await logged((store) => cars(store).put({ id: 'a', n: 1 }), [{ id: 'a', n: 1 }])
    expect(await opsOf(store)).toEqual([])
  })

  it('bulkAdd: one record per 500 rows', async () => {
    const rows = Array.from({ length: 1201 }, (_, i) => ({ id: `r${i}`, n: i }))
    const { store, edits } = await logged((store) => cars(store).bulkAdd(rows))
    expect((await opsOf(store)).map(({ n }) => n)).toEqual([500, 500, 201])
    expect(edits).toHaveLength(1201)
  })

  it('bulkAdd with a duplicate outside a transaction: the rows that were stored, and no other', async () => {
    const { store, edits } = await logged(
      async (store) => {
        const bulk = cars(store).bulkAdd([{ id: 'a' }, { id: 'taken' }, { id: 'b' }])
        await expect(bulk).rejects.toThrow(Dexie.BulkError)
      },
      [{ id: 'taken', n: 0 }],
    )
    expect(edits.map(({ k }) => k)).toEqual(['a', 'b'])
    expect(await cars(store).count()).toBe(3)
  })

  it('bulkAdd with a duplicate, caught inside a transaction', async () => {
    const { edits } = await logged(
      (store) =>
        store.db.transaction('rw', 'cars', async () => {
          await cars(store)
            .bulkAdd([{ id: 'a' }, { id: 'taken' }])
            .catch(() => {})
          await cars(store).add({ id: 'z' })
        }),
      [{ id: 'taken' }],
    )
    expect(edits.map(({ k }) => k)).toEqual(['a', 'z'])
  })

  it('bulkPut that names a row twice: what the second makes of the first', async () => {
    const { edits } = await logged((store) =>
      cars(store).bulkPut([
        { id: 'a', x: 1 },
        { id: 'a', y: 2 },
      ]),
    )
    expect(edits).toEqual([
      { k: 'a', ins: true, set: { x: 1 } },
      { k: 'a', set: { y: 2 }, unset: ['x'] },
    ])
  })

  it('update: the fields it names, nested paths as the whole field', async () => {
    const { edits } = await logged(
      (store) => cars(store).update('a', { n: 2, 'p.q': 3 }),
      [{ id: 'a', n: 1, p: { q: 1, r: 1 }, still: 0 }],
    )
    expect(edits).toEqual([{ k: 'a', set: { n: 2, p: { q: 3, r: 1 } } }])
  })

  it('update with add(): the resulting number', async () => {
    const { edits } = await logged((store) => cars(store).update('a', { n: add(5) }), [{ id: 'a', n: 1 }])
    expect(edits).toEqual([{ k: 'a', set: { n: 6 } }])
  })

  it('update of a field to undefined: it is taken out', async () => {
    const { edits } = await logged((store) => cars(store).update('a', { n: undefined }), [{ id: 'a', n: 1 }])
    expect(edits).toEqual([{ k: 'a', unset: ['n'] }])
  })

  it('bulkUpdate: skips keys that are not there', async () => {
    const { edits } = await logged(
      (store) =>
        cars(store).bulkUpdate([
          { key: 'nobody', changes: { n: 9 } },
          { key: 'a', changes: { n: 2 } },
        ]),
      [{ id: 'a', n: 1 }],
    )
    expect(edits).toEqual([{ k: 'a', set: { n: 2 } }])
  })

  it('upsert: an add or a change', async () => {
    const { edits } = await logged(
      async (store) => {
        await cars(store).upsert('a', { n: 2 })
        await cars(store).upsert('b', { n: 3 })
      },
      [{ id: 'a', n: 1, m: 1 }],
    )
    expect(edits).toEqual([
      { k: 'a', set: { n: 2 } },
      { k: 'b', ins: true, set: { n: 3 } },
    ])
  })

  it('modify with an object and with a function', async () => {
    const { edits } = await logged(
      async (store) => {
        await cars(store).where('n').above(0).modify({ seen: true })
        await cars(store)
          .toCollection()
          .modify((car) => {
            car.n *= 10
            delete car.seen
          })
      },
      [{ id: 'a', n: 1 }],
    )
    expect(edits).toEqual([
      { k: 'a', set: { seen: true } },
      { k: 'a', set: { n: 10 }, unset: ['seen'] },
    ])
  })

  it('modify that deletes', async () => {
    const { edits } = await logged(
      (store) =>
        cars(store)
          .toCollection()
          .modify((car, ref: { value?: unknown }) => {
            if (car.n > 1) delete ref.value
          }),
      [
        { id: 'a', n: 1 },
        { id: 'b', n: 2 },
      ],
    )
    expect(edits).toEqual([{ k: 'b', del: true }])
  })

  it('delete, bulkDelete and delete by index: rows that were there', async () => {
    const { edits } = await logged(
      async (store) => {
        await cars(store).delete('a')
        await cars(store).bulkDelete(['nobody', 'b'])
        await cars(store).where('n').equals(3).delete()
      },
      [
        { id: 'a', n: 1 },
        { id: 'b', n: 2 },
        { id: 'c', n: 3 },
        { id: 'd', n: 4 },
      ],
    )
    expect(edits).toEqual([
      { k: 'a', del: true },
      { k: 'b', del: true },
      { k: 'c', del: true },
    ])
  })

  it('deletes of a range and clear: every row of them', async () => {
    const rows = ['a', 'b', 'c', 'd'].map((id) => ({ id }))
    const { edits, store } = await logged(async (store) => {
      await cars(store).where('id').between('b', 'c', true, true).delete()
      await cars(store).clear()
    }, rows)
    expect(edits.map(({ k, del }) => [k, del])).toEqual([
      ['b', true],
      ['c', true],
      ['a', true],
      ['d', true],
    ])
    expect(await cars(store).count()).toBe(0)
  })

  it('clear of 10,000 rows', async () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => ({ id: `r${i}` }))
    const { store } = await logged((store) => cars(store).clear(), rows)
    expect((await store.pending()).edits).toBe(10_000)
  })
})

describe('rollback', () => {
  const failing: [string, (store: DeviceStore) => Promise<unknown>][] = [
    [
      'a throw',
      (store) =>
        store.db.transaction('rw', 'cars', async () => {
          await cars(store).add({ id: 'a' })
          throw new Error('no')
        }),
    ],
    [
      'tx.abort()',
      (store) =>
        store.db.transaction('rw', 'cars', async (tx) => {
          await cars(store).add({ id: 'a' })
          tx.abort()
        }),
    ],
    [
      'a native abort',
      (store) =>
        store.db.transaction('rw', 'cars', async (tx) => {
          await cars(store).add({ id: 'a' })
          tx.idbtrans.abort()
        }),
    ],
    [
      'a throw in a nested transaction',
      (store) =>
        store.db.transaction('rw', 'cars', async () => {
          await cars(store).add({ id: 'a' })
          await store.db.transaction('rw', 'cars', async () => {
            await cars(store).add({ id: 'b' })
            throw new Error('no')
          })
        }),
    ],
  ]
  it.each(failing)('%s takes the log with the rows', async (_, work) => {
    const { store, edits } = await logged((store) => work(store).catch(() => {}))
    expect(await cars(store).count()).toBe(0)
    expect(edits).toEqual([])
  })

  it('a log that can not be written takes the rows with it, also where the app catches it', async () => {
    const store = await storeOf('id', {
      crash: (label) => {
        if (label === 'capture:written') throw new Error('the log is full')
      },
    })
    await store.db
      .transaction('rw', 'cars', async () => {
        await cars(store)
          .add({ id: 'a' })
          .catch(() => {})
      })
      .catch(() => {})
    expect(await cars(store).count()).toBe(0)
  })
})

describe('transactions of the app', () => {
  it('nested ones, with native await and Promise.all, log in one transaction', async () => {
    const { edits } = await logged((store) =>
      store.db.transaction('rw', 'cars', async () => {
        await Promise.all([cars(store).add({ id: 'a' }), cars(store).add({ id: 'b' })])
        await store.db.transaction('rw', 'cars', () => cars(store).put({ id: 'c' }))
      }),
    )
    expect(edits.map(({ k }) => k).sort()).toEqual(['a', 'b', 'c'])
  })

  it('a caught ConstraintError leaves the rest', async () => {
    const { edits } = await logged(
      (store) =>
        store.db.transaction('rw', 'cars', async () => {
          const error = await cars(store)
            .add({ id: 'a' })
            .catch((error: Error) => error)
          expect(error).toBeInstanceOf(Dexie.ConstraintError)
          await cars(store).add({ id: 'b' })
        }),
      [{ id: 'a' }],
    )
    expect(edits.map(({ k }) => k)).toEqual(['b'])
  })

  it("tables that are not synced, and what hooks add, are the app's business", async () => {
    const store = newStore({ unsynced: ['drafts'] })
    await store.open({ cars: 'id', drafts: '++id' })
    cars(store).hook('creating', (_key, car) => {
      car.hooked = true
    })
    await store.db.table('drafts').add({ text: 'x' })
    await cars(store).add({ id: 'a' })
    expect(await editsOf(store)).toEqual([{ k: 'a', ins: true, set: { hooked: true } }])
  })
})

describe('refusals come before anything is written', () => {
  it('a value that can not be synced', async () => {
    const { store, edits } = await logged(async (store) => {
      const bulk = cars(store).bulkAdd([{ id: 'a' }, { id: 'b', callback: () => 1 }])
      await expect(bulk).rejects.toThrow(/callback/)
    })
    expect(await cars(store).count()).toBe(0)
    expect(edits).toEqual([])
  })

  it('a key that is none', async () => {
    const { store } = await logged(async (store) => {
      await expect(cars(store).bulkPut([{ id: 'a' }, { id: true }])).rejects.toThrow(Dexie.DataError)
      await expect(cars(store).add({ n: 1 })).rejects.toThrow(Dexie.DataError)
    })
    expect(await cars(store).count()).toBe(0)
  })
})

describe('ids', () => {
  it('are made for ++id: add() gives it and sets it on the object', async () => {
    const store = await storeOf('++id, name')
    const car = { name: 'Bus' } as { id?: string; name: string }
    const id = await cars(store).add(car)
    expect(id).toMatch(/^[0-9a-z]{26}$/)
    expect(car.id).toBe(id)
    expect(await cars(store).get(id)).toEqual({ id, name: 'Bus' })
    expect((await editsOf(store))[0]).toEqual({ k: id, ins: true, set: { name: 'Bus' } })
  })

  it('ascend within a bulkAdd, which gives all of them on demand', async () => {
    const store = await storeOf('++id')
    const ids = await cars(store).bulkAdd([{}, {}, {}], { allKeys: true })
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(3)
  })

  it('may be given: numbers, dates and compound keys', async () => {
    const store = newStore()
    await store.open({ cars: '++id', stops: '[car+at]', free: '' })
    await cars(store).put({ id: 5, n: 1 })
    await store.db.table('stops').put({ car: 'a', at: new Date(7), n: 1 })
    await store.db.table('free').put({ n: 1 }, 'out')
    expect((await editsOf(store)).map(({ k, set }) => [k, set])).toEqual([
      ['#n5', { n: 1 }],
      ['#a["a","#d7"]', { n: 1 }],
      ['out', { n: 1 }],
    ])
  })

  it('of 10,000 rows are all different', async () => {
    const store = await storeOf('++id')
    await cars(store).bulkAdd(Array.from({ length: 10_000 }, () => ({ n: 1 })))
    expect(await cars(store).count()).toBe(10_000)
  })
})

describe('unique indexes', () => {
  it('refuse a second row of this device, one by one in a bulk', async () => {
    const { store, edits } = await logged(
      async (store) => {
        await expect(cars(store).add({ id: 'b', plate: 'X' })).rejects.toThrow(Dexie.ConstraintError)
        const bulk = cars(store).bulkAdd([
          { id: 'c', plate: 'Y' },
          { id: 'd', plate: 'Y' },
          { id: 'e', plate: 'X' },
          { id: 'f', plate: null },
          { id: 'g', plate: null },
        ])
        await expect(bulk).rejects.toMatchObject({
          failuresByPos: { 1: expect.anything(), 2: expect.anything() },
        })
      },
      [{ id: 'a', plate: 'X' }],
      'id, &plate',
    )
    expect(edits.map(({ k }) => k)).toEqual(['c', 'f', 'g'])
    expect(await cars(store).count()).toBe(4)
  })

  it('let a row keep its value, and take one that the same write makes free', async () => {
    const { edits } = await logged(
      (store) =>
        cars(store).bulkPut([
          { id: 'a', plate: 'X', n: 1 },
          { id: 'b', plate: 'Z' },
          { id: 'c', plate: 'Y' },
        ]),
      [
        { id: 'a', plate: 'X' },
        { id: 'b', plate: 'Y' },
      ],
      'id, &plate',
    )
    expect(edits.map(({ k }) => k)).toEqual(['a', 'b', 'c'])
  })

  it('hold for update and modify too', async () => {
    const { store } = await logged(
      async (store) => {
        await expect(cars(store).update('b', { plate: 'X' })).rejects.toThrow()
      },
      [
        { id: 'a', plate: 'X' },
        { id: 'b', plate: 'Y' },
      ],
      'id, &plate',
    )
    expect((await cars(store).get('b')).plate).toBe('Y')
  })
})
