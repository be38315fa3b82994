/**
 * Indexes that the app declared as unique (`&email`). They are no unique indexes in IndexedDB: one duplicate from
 * another device would block a whole batch of remote rows, for ever. So this device's own writes are checked here;
 * duplicates of others are admitted and reported (`engine/view.ts`).
 */
import { type DBCoreTable, Dexie } from 'dexie'
import { encodeKey, type Key } from '../layout/keys.js'
import type { IndexSpec, TableSpec } from '../schema.js'
import { indexValues } from './index-values.js'

interface Write {
  readonly trans: Parameters<DBCoreTable['mutate']>[0]['trans']
  readonly type: 'add' | 'put'
  readonly keys: readonly IDBValidKey[]
  readonly values: readonly object[]
}

/** Which values of a write clash, by their place in it; they are to be refused as IndexedDB would. */
export function clashes(table: DBCoreTable, spec: TableSpec, req: Write): PromiseLike<Record<number, Error>> {
  const failures: Record<number, Error> = {}
  const names = req.keys.map((key) => encodeKey(key))
  return spec.indexes
    .filter(({ unique }) => unique)
    .reduce<PromiseLike<void>>(
      (before, index) =>
        before.then(() =>
          owners(table, index, req).then((stored) =>
            judge(spec.name, index, names, req.values, stored, failures),
          ),
        ),
      Dexie.Promise.resolve(),
    )
    .then(() => failures)
}

/** Who holds the values now: for each value of the write, the keys of its stored rows. */
function owners(table: DBCoreTable, index: IndexSpec, req: Write): PromiseLike<Map<string, string[]>> {
  const values = new Map<string, Key>()
  for (const row of req.values) {
    for (const value of indexValues(row, index)) values.set(encodeKey(value), value)
  }
  const found = new Map<string, string[]>()
  const physical = table.schema.indexes.find(({ name }) => name === index.name)
  if (!physical || values.size === 0) return Dexie.Promise.resolve(found)
  return Dexie.Promise.all(
    [...values].map(([text, value]) => {
      const range = { type: 1, lower: value, upper: value }
      return table
        .query({ trans: req.trans, values: false, query: { index: physical, range } })
        .then(({ result }) =>
          found.set(
            text,
            result.map((key) => encodeKey(key)),
          ),
        )
    }),
  ).then(() => found)
}

/** Go through the write in its order, as IndexedDB would: an earlier value may take a place, or make one free. */
function judge(
  table: string,
  index: IndexSpec,
  names: readonly string[],
  values: readonly object[],
  stored: ReadonlyMap<string, readonly string[]>,
  failures: Record<number, Error>,
): void {
  const written = new Map<string, readonly string[]>()
  const takenBy = new Map<string, string>()
  for (const [i, name] of names.entries()) {
    if (failures[i]) continue
    const mine = indexValues(values[i] as object, index).map((value) => encodeKey(value))
    const isTaken = mine.some((value) => {
      const owners = [...(stored.get(value) ?? []).filter((owner) => !written.has(owner)), takenBy.get(value)]
      return owners.some((owner) => owner !== undefined && owner !== name)
    })
    if (isTaken) {
      failures[i] = new Dexie.ConstraintError(`${table}: another row has this value of "${index.name}".`)
      continue
    }
    for (const value of written.get(name) ?? []) takenBy.delete(value)
    for (const value of mine) takenBy.set(value, name)
    written.set(name, mine)
  }
}
