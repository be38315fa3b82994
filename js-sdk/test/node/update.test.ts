/** `update` means the same on a device as in a browser, whatever is changed by whatever path. */
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { DeviceTable } from '../../src/node/device-table.js'
import { NodeStore } from '../../src/node/node-store.js'
import { editsOf, storeOf } from '../support/device.js'
import { newDirectory } from './directory.js'

const name = fc.constantFrom('a', 'b', '0', '1')
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, false, 0, '', 7, 'text', true),
    fc
      .constantFrom(
        () => new Date(5),
        () => new Map([['a', 1]]),
      )
      .map((make) => make()),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
})).value
const row = fc.dictionary(name, value, { maxKeys: 4 })
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('.'))
const changes = fc.dictionary(path, fc.oneof(value, fc.constant(undefined)), { minKeys: 1, maxKeys: 3 })

/** Whether a path leads to a field of an array that is no place in it, before or by what else is changed. */
function namesAnArray(...[before, change, path]: [object, object, string]): boolean {
  const meets = (value: unknown, [name, ...rest]: string[]): boolean => {
    if (name === undefined || typeof value !== 'object' || value === null) return false
    if (Array.isArray(value) && !/\d/.test(name)) return true
    return meets((value as Record<string, unknown>)[name], rest)
  }
  const names = path.split('.')
  const others = Object.entries(change).map(([other, value]) => [other.split('.'), value] as const)
  return (
    meets(before, names) ||
    others.some(
      ([other, value]) => path.startsWith(`${other.join('.')}.`) && meets(value, names.slice(other.length)),
    )
  )
}

it('changes the same fields, counts the same rows and logs the same edits', async () => {
  const store = await NodeStore.open({ directory: await newDirectory(), now: () => 1 })
  const browser = await storeOf('id', { now: () => 1 })
  onTestFinished(() => store.close())
  onTestFinished(() => browser.close())
  const [spec] = await store.use({ cars: 'id' })
  const device = new DeviceTable(spec as never, { transact: store.transact.bind(store), now: () => 1 })
  const cars = browser.db.table('cars')
  let runs = 0
  await fc.assert(
    fc.asyncProperty(row, changes, async (before, change) => {
      // A name on an array: IndexedDB would keep it, and no document can.
      fc.pre(!Object.keys(change).some((path) => namesAnArray(before, change, path)))
      runs += 1
      const id = `row ${runs}`
      await device.put({ ...before, id })
      await cars.put({ ...before, id })
      expect(await device.update(id, structuredClone(change))).toBe(await cars.update(id, change))
      expect(await device.get(id)).toEqual(await cars.get(id))
    }),
    { numRuns: 200 },
  )
  const logged = await store.transact((tx) => tx.edits.of('cars'))
  expect(logged.flatMap(({ l }) => l)).toEqual(await editsOf(browser))
})
