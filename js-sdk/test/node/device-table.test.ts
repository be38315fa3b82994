import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConstraintError, DeviceBusy, DeviceDamaged, UnstorableValue } from '../../src/errors.js'
import { DeviceTable } from '../../src/node/device-table.js'
import { NodeStore } from '../../src/node/node-store.js'
import { newDirectory } from './directory.js'

async function storeIn(directory: string, stores: string): Promise<[NodeStore, DeviceTable]> {
  const store = await NodeStore.open({ directory, now: () => 1 })
  const [spec] = await store.use({ cars: stores })
  if (!spec) throw new Error('no table')
  return [store, new DeviceTable(spec, { transact: store.transact.bind(store), now: () => 1 })]
}

async function tableOf(stores: string): Promise<DeviceTable> {
  const [store, table] = await storeIn(await newDirectory(), stores)
  onTestFinished(() => store.close())
  return table
}

describe('a table of a device', () => {
  it('makes ids, reads what was written, and gives copies', async () => {
    const cars = await tableOf('++id, name')
    const given = { name: 'Bus', tags: ['a'], since: new Date(5), size: 7n, bytes: Uint8Array.of(1) }
    const id = await cars.add(given)
    expect(id).toMatch(/^[0-9a-z]{26}$/)
    given.tags.push('b')
    const row = await cars.get(id)
    expect(row).toEqual({ ...given, id, tags: ['a'] })
    if (row) (row['tags'] as string[]).push('c')
    expect(await cars.get(id)).toEqual({ ...given, id, tags: ['a'] })
  })

  it('refuses a second row of one key, and of one unique value', async () => {
    const cars = await tableOf('id, &plate')
    await cars.add({ id: 'one', plate: 'M' })
    await expect(cars.add({ id: 'one' })).rejects.toThrow(ConstraintError)
    await expect(cars.put({ id: 'two', plate: 'M' })).rejects.toThrow(/'plate'/)
    await cars.put({ id: 'one', plate: 'M' })
    await cars.update('one', { plate: 'N' })
    await cars.put({ id: 'two', plate: 'M' })
    expect(await cars.toArray()).toEqual([
      { id: 'one', plate: 'N' },
      { id: 'two', plate: 'M' },
    ])
  })

  it('changes fields, takes fields out, and says how many rows there were', async () => {
    const cars = await tableOf('id')
    await cars.add({ id: 'one', a: 1, b: 2 })
    expect(await cars.update('one', { a: 3, b: undefined })).toBe(1)
    expect(await cars.get('one')).toEqual({ id: 'one', a: 3 })
    expect(await cars.update('one', { 'c.d': 4 })).toBe(1)
    expect(await cars.get('one')).toEqual({ id: 'one', a: 3, c: { d: 4 } })
    expect(await cars.update('two', { a: 3 })).toBe(0)
    await cars.delete('one')
    await cars.delete('one')
    expect(await cars.toArray()).toEqual([])
  })

  it('names what it can not store, and stores nothing of it', async () => {
    const cars = await tableOf('id')
    await expect(cars.add({ id: 'one', run: () => 1 })).rejects.toThrow(/cars\['one'\]\.run/)
    await expect(cars.add({ id: true })).rejects.toThrow(UnstorableValue)
    await cars.add({ id: 'one' })
    await expect(cars.update('one', { 'a.b': () => 1 })).rejects.toThrow(/cars\['one'\]\.a\.b/)
    await expect(cars.update('one', { id: 'two' })).rejects.toThrow(/new key/)
    expect(await cars.toArray()).toEqual([{ id: 'one' }])
  })

  it('has keys of every kind, also beside the row', async () => {
    const days = await tableOf('[car+day]')
    await days.add({ car: 'bus', day: new Date(7), km: 3 })
    expect(await days.get(['bus', new Date(7)])).toEqual({ car: 'bus', day: new Date(7), km: 3 })
    const settings = await tableOf('')
    await settings.put({ dark: true }, 'theme')
    expect(await settings.get('theme')).toEqual({ dark: true })
    await expect(settings.put({ dark: true })).rejects.toThrow(UnstorableValue)
  })
})

describe('a directory', () => {
  it('is there again after a restart, with one device id', async () => {
    const directory = await newDirectory()
    const [first, cars] = await storeIn(directory, '++id')
    const keys = await Promise.all(Array.from({ length: 50 }, (_, n) => cars.add({ n })))
    await cars.delete(keys[0] as string)
    expect(await first.identify(() => 'me')).toBe('me')
    await first.close()
    const [second, again] = await storeIn(directory, '++id')
    expect((await again.toArray()).map(({ n }) => n)).toEqual(Array.from({ length: 49 }, (_, n) => n + 1))
    expect(await second.identify(() => 'another')).toBe('me')
    expect(await second.pending()).toEqual({ edits: 51, oldestAt: 1 })
    await second.close()
  })

  it('belongs to one device at a time', async () => {
    const directory = await newDirectory()
    const store = await NodeStore.open({ directory })
    await expect(NodeStore.open({ directory })).rejects.toThrow(DeviceBusy)
    await store.close()
    await (await NodeStore.open({ directory })).close()
  })

  it('is refused where what was confirmed can not be read, and left as it is', async () => {
    const directory = await newDirectory()
    const [store, cars] = await storeIn(directory, '++id')
    for (let n = 0; n < 3; n++) await cars.add({ n })
    await store.close()
    const path = join(directory, 'device.log')
    const bytes = await readFile(path)
    bytes[40] = (bytes[40] as number) ^ 1
    await writeFile(path, bytes)
    await expect(NodeStore.open({ directory })).rejects.toThrow(DeviceDamaged)
    expect(await readFile(path)).toEqual(bytes)
  })

  it('loses what was half written, and only that', async () => {
    const directory = await newDirectory()
    const [store, cars] = await storeIn(directory, '++id')
    await cars.add({ n: 1 })
    await store.close()
    await appendFile(join(directory, 'device.log'), Buffer.from('WHSF and then the power went'))
    const [again, table] = await storeIn(directory, '++id')
    await table.add({ n: 2 })
    await again.close()
    const [third, last] = await storeIn(directory, '++id')
    expect((await last.toArray()).map(({ n }) => n)).toEqual([1, 2])
    await third.close()
  })
})
