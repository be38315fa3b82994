/**
 * Sees every write of the app and logs what it changed, in the same transaction. In: DBCore requests, of whatever
 * API call they come. Out: the same requests, with missing keys filled in, and one `$ops` record per 500 edits.
 * Knows no document. Written with `then` throughout: inside a middleware Dexie's zones do not survive `async`.
 */
import { type DBCore, type DBCoreTable, Dexie, type Middleware } from 'dexie'
import type { RowEdit, Stored } from '../contract.js'
import { difference } from '../engine/edits.js'
import type { Fields } from '../engine/stored.js'
import { withoutKey } from '../engine/view.js'
import { encodeKey } from '../layout/keys.js'
import { encodeFields } from '../layout/values.js'
import type { TableSpec } from '../schema.js'
import { isKey } from './index-values.js'
import { type OpsRecord, toOps } from './records.js'
import { clashes } from './unique.js'

type MutateRequest = Parameters<DBCoreTable['mutate']>[0]
type MutateResponse = Awaited<ReturnType<DBCoreTable['mutate']>>
type WriteRequest = Extract<MutateRequest, { type: 'add' | 'put' }>
type Failures = Record<number, Error>
type Answer = PromiseLike<MutateResponse>

export interface CaptureHost {
  /** The table as it is synced; undefined for all others. */
  table(name: string): TableSpec | undefined
  /** Native transactions of the engine: what they write came from a document. */
  readonly ours: WeakSet<object>
  generateId(): string
  now(): number
  /** An edit was logged; its transaction may still roll back. */
  wrote(): void
  crash(label: string): void
}

export function capture(host: CaptureHost): Middleware<DBCore> {
  return {
    stack: 'dbcore',
    name: 'webhost-sync',
    // Above Dexie's change signals, so that they name the keys that we fill in; below the app's hooks.
    level: 1,
    create: (core) => ({
      ...core,
      transaction(stores, mode, options) {
        const logs =
          mode === 'readwrite' && stores.some((store) => host.table(store)) && !stores.includes('$ops')
        return core.transaction(logs ? [...stores, '$ops'] : stores, mode, options)
      },
      table(name) {
        const table = core.table(name)
        const mutate = (req: MutateRequest): Answer => {
          const spec = host.table(name)
          const isUpgrade = (req.trans as unknown as IDBTransaction).mode === 'versionchange'
          if (!spec || isUpgrade || host.ours.has(req.trans)) return table.mutate(req)
          return new Capture(host, core, table, spec).mutate(req)
        }
        return { ...table, mutate: mutate as DBCoreTable['mutate'] }
      },
    }),
  }
}

class Capture {
  constructor(
    private readonly host: CaptureHost,
    private readonly core: DBCore,
    private readonly table: DBCoreTable,
    private readonly spec: TableSpec,
  ) {}

  mutate(req: MutateRequest): Answer {
    try {
      if (req.type === 'add' || req.type === 'put') return this.#write(this.#withKeys(req))
      if (req.type === 'delete') return this.#delete(req, req.keys)
      // IndexedDB does not tell which rows a range held.
      if (req.range.type === NOTHING) return this.table.mutate(req)
      const query = { index: this.table.schema.primaryKey, range: req.range }
      return this.table
        .query({ trans: req.trans, values: false, query })
        .then(({ result }) =>
          this.#run(req, () => result.map((key) => ({ k: encodeKey(key), del: true as const }))),
        )
    } catch (error) {
      return Dexie.Promise.reject(error)
    }
  }

  #write(req: WriteRequest & { keys: IDBValidKey[] }): Answer {
    const names = req.keys.map((key) => encodeKey(key))
    // All values are encoded before the first is written: a refused one must leave no half of a bulk write.
    const fields = req.values.map((value, i) => this.#encode(value, names[i] as string))
    const old: PromiseLike<unknown[]> =
      req.type === 'add'
        ? Dexie.Promise.resolve([])
        : this.table.getMany({ trans: req.trans, keys: req.keys })
    return old.then((before) =>
      clashes(this.table, this.spec, req).then((refused) => {
        if (Object.keys(refused).length === 0)
          return this.#run(req, editsOf(names, fields, before, this.#encodeOld))
        return this.#writeOthers(req, refused, names, fields, before)
      }),
    ) as Answer
  }

  /** Write what a unique index allows; the answer is as if IndexedDB had refused the rest. */
  #writeOthers(
    req: WriteRequest & { keys: IDBValidKey[] },
    refused: Failures,
    names: readonly string[],
    fields: readonly Fields[],
    before: readonly unknown[],
  ): Answer {
    const kept = names.map((_, i) => i).filter((i) => !refused[i])
    const pick = <T>(list: readonly T[]) => kept.map((i) => list[i] as T)
    const { trans, type } = req
    const rest: MutateRequest = { trans, type, values: pick(req.values), keys: pick(req.keys) }
    const edits = editsOf(pick(names), pick(fields), pick(before), this.#encodeOld)
    return this.#run(rest, edits).then((answer) => {
      const failures: Failures = { ...refused }
      for (const [at, error] of Object.entries(answer.failures)) failures[kept[Number(at)] as number] = error
      const results: unknown[] = names.map(() => undefined)
      for (const [at, i] of kept.entries()) results[i] = answer.results?.[at]
      return { ...answer, failures, results, numFailures: Object.keys(failures).length }
    })
  }

  #delete(req: MutateRequest, keys: IDBValidKey[]): Answer {
    return this.table
      .getMany({ trans: req.trans, keys })
      .then((rows) =>
        this.#run(req, (failed) =>
          keys.flatMap((key, i) =>
            rows[i] === undefined || failed(i) ? [] : [{ k: encodeKey(key), del: true as const }],
          ),
        ),
      )
  }

  /** Let the write happen, then log its edits. Nothing may be written that is not logged. */
  #run(req: MutateRequest, edits: (failed: (i: number) => boolean) => RowEdit[]): Answer {
    const log = this.core.table('$ops')
    const { trans } = req
    return this.table
      .mutate(req)
      .then((answer) => {
        this.host.crash('capture:written')
        const records: OpsRecord[] = toOps(
          this.spec.name,
          edits((i) => answer.failures[i] !== undefined),
          this.host.now(),
        )
        if (records.length === 0) return answer
        this.host.wrote()
        return log.mutate({ trans, type: 'add', values: records }).then(({ numFailures, failures }) => {
          if (numFailures > 0) throw failures[0]
          this.host.crash('capture:logged')
          return answer
        })
      })
      .then(undefined, (error: unknown) => {
        // The app may catch this and commit; then rows would stay that no other device ever hears of.
        try {
          trans.abort()
        } catch {} // It has ended already: the error below is the one that counts.
        throw error
      })
  }

  #withKeys(req: WriteRequest): WriteRequest & { keys: IDBValidKey[] } {
    const { primaryKey } = this.table.schema
    const given = req.values.map((value, i) => req.keys?.[i] ?? primaryKey.extractKey?.(value))
    const keys = given.map((key) => (key == null && this.spec.generated ? this.host.generateId() : key))
    const odd = keys.find((key) => !isKey(key))
    if (keys.some((key) => !isKey(key))) {
      throw new Dexie.DataError(`${this.spec.name}: ${String(odd)} is no valid primary key.`)
    }
    const { keyPath } = this.spec
    const values = req.values.map((value, i) =>
      given[i] == null && typeof keyPath === 'string' ? { ...value, [keyPath]: keys[i] } : value,
    )
    return { ...req, keys, values }
  }

  #encode(row: object, key: string): Fields {
    return encodeFields(withoutKey(row, this.spec.keyPath), { table: this.spec.name, key })
  }

  /** A row that was stored before its table was synced may hold anything: then all of the new one is new. */
  readonly #encodeOld = (row: unknown, key: string): Fields => {
    try {
      return this.#encode(row as object, key)
    } catch {
      return {}
    }
  }
}

/** DBCoreRangeType.Never: a const enum that the package does not export as a value. */
const NOTHING: number = 4

/** The edits of a write, in order: a batch may name a row twice, and the second meets what the first has left. */
function editsOf(
  names: readonly string[],
  fields: readonly Record<string, Stored>[],
  before: readonly unknown[],
  encode: (row: unknown, key: string) => Fields,
) {
  return (failed: (i: number) => boolean): RowEdit[] => {
    const latest = new Map<string, Fields>()
    const edits: RowEdit[] = []
    for (const [i, name] of names.entries()) {
      if (failed(i)) continue
      const after = fields[i] as Fields
      const old = latest.get(name) ?? (before[i] === undefined ? null : encode(before[i], name))
      latest.set(name, after)
      const edit = difference(name, old, after)
      if (edit) edits.push(edit)
    }
    return edits
  }
}
