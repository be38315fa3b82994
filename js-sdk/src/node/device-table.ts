/** One table as the app of a device uses it: written rows are on the disk when the promise resolves. */
import type { Row, Stores } from '../engine/stores.js'
import { UnstorableValue } from '../errors.js'
import { generateId } from '../ids.js'
import { encodeKey, type Key } from '../layout/keys.js'
import type { TableSpec } from '../schema.js'
import { compareKeys } from './key-order.js'
import { setAt } from './paths.js'
import { deleteRow, prepareRow, writeRow } from './writes.js'

export interface TableHost {
  transact<T>(work: (tx: Stores) => Promise<T>): Promise<T>
  now(): number
}

/** New values of fields, by name or by path. */
export type Changes<Stored> = Partial<Stored> & { readonly [path: `${string}.${string}`]: unknown }

/** Methods are named as Dexie's and do the same. Rows that come out are copies. */
export class DeviceTable<Stored = Row, OfKey = Key, Added = Row> {
  readonly #spec: TableSpec
  readonly #host: TableHost

  /** @internal */
  constructor(spec: TableSpec, host: TableHost) {
    this.#spec = spec
    this.#host = host
  }

  /**
   * Add a row; resolves to its key, which is made where the schema says `++`.
   * Throws ConstraintError where the key is taken, UnstorableValue for what can't be synced.
   *
   * @param key where the schema has keys that are no field of the row
   */
  add(row: Added, key?: OfKey): Promise<OfKey> {
    return this.#write(row, key, true)
  }

  /** Write a whole row, in the place of the one with its key; only the fields that differ are sent. */
  put(row: Added, key?: OfKey): Promise<OfKey> {
    return this.#write(row, key, false)
  }

  /**
   * Change some fields, also inside of others by their paths (`size.seats`); `undefined` takes one out. Resolves to the
   * number of rows with this key: 0 where there is none.
   */
  async update(key: OfKey, changes: Changes<Stored>): Promise<number> {
    const { now } = this.#host
    return this.#host.transact(async (tx) => {
      const [old] = await tx.rows(this.#spec).get([key as Key])
      if (old === undefined) return 0
      const row = structuredClone(old)
      for (const [path, value] of Object.entries(changes)) setAt(row, path, value)
      const prepared = prepareRow(this.#spec, row, key, generateId)
      if (prepared.name !== encodeKey(key)) {
        const where = { table: this.#spec.name, key: encodeKey(key) }
        throw new UnstorableValue(
          where,
          '',
          'can not be changed; add a row with the new key and delete this one',
        )
      }
      await writeRow(tx, this.#spec, prepared, { isNew: false, at: now() })
      return 1
    })
  }

  /** Delete a row, if there is one. */
  delete(key: OfKey): Promise<void> {
    const { now } = this.#host
    encodeKey(key, this.#spec.name)
    return this.#host.transact((tx) => deleteRow(tx, this.#spec, key as Key, now()))
  }

  /** The row with this key. */
  get(key: OfKey): Promise<Stored | undefined> {
    return this.#host.transact(async (tx) => {
      const [row] = await tx.rows(this.#spec).get([key as Key])
      return structuredClone(row) as Stored | undefined
    })
  }

  /** All rows, in the order of their keys. */
  toArray(): Promise<Stored[]> {
    return this.#host.transact(async (tx) => {
      const rows = tx.rows(this.#spec)
      const keys = (await rows.keys()).sort(compareKeys)
      return structuredClone(await rows.get(keys)) as Stored[]
    })
  }

  async #write(row: Added, key: OfKey | undefined, isNew: boolean): Promise<OfKey> {
    const prepared = prepareRow(this.#spec, row as object, key, generateId)
    const { now } = this.#host
    await this.#host.transact((tx) => writeRow(tx, this.#spec, prepared, { isNew, at: now() }))
    return prepared.key as OfKey
  }
}
