/**
 * What a device keeps, as the engine sees it inside one transaction: types, and nothing that is stored.
 *
 *     engine, positions ──> Stores <── storage/dexie-stores (IndexedDB)
 *                                  <── node/memory-stores   (one file)
 *
 * Every method belongs to the transaction that the stores were given with: all of it is kept or nothing.
 */

import type { Key } from '../layout/keys.js'
import type { IndexSpec, TableSpec } from '../schema.js'
import type {
  DocumentRecord,
  FixRecord,
  OpsRecord,
  ShelfRecord,
  StateRecord,
  UpdateRecord,
} from '../storage/records.js'

/** A record as it is stored, under the number that says its place. */
export type Numbered<Record> = Record & { readonly seq: number }

export interface Stores {
  readonly updates: UpdateStore
  readonly documents: DocumentStore
  readonly edits: EditStore
  readonly fixes: FixStore
  readonly shelf: ShelfStore
  readonly state: StateStore
  /** The app's rows of a table. */
  rows(spec: TableSpec): RowStore
}

export interface UpdateStore {
  /** All of a document, oldest first. */
  of(document: string): Promise<Numbered<UpdateRecord>[]>
  /** Those of a document that are not durable, oldest first. */
  localOf(document: string): Promise<Numbered<UpdateRecord>[]>
  count(document: string): Promise<number>
  get(seqs: readonly number[]): Promise<(Numbered<UpdateRecord> | undefined)[]>
  add(record: UpdateRecord): Promise<number>
  put(records: readonly Numbered<UpdateRecord>[]): Promise<void>
  remove(seqs: readonly number[]): Promise<void>
  /** Names of the documents with an update that is not durable, of those that begin so. */
  localDocuments(prefix: 'tables/' | 'track/'): Promise<string[]>
  /** Remove the durable updates of tracks that were made before a time (ms since 1970). */
  removeDurableTracks(before: number): Promise<void>
}

export interface DocumentStore {
  get(document: string): Promise<DocumentRecord | undefined>
  put(record: DocumentRecord): Promise<void>
}

/** The edits that are in no document yet. */
export interface EditStore {
  /** Of a table, oldest first; a part of them where it is said which. */
  of(
    table: string,
    part?: { readonly offset: number; readonly limit: number },
  ): Promise<Numbered<OpsRecord>[]>
  /** Names of all tables that have one. */
  tables(): Promise<string[]>
  /** The number of the oldest; null where there is none. */
  first(): Promise<number | null>
  add(records: readonly OpsRecord[]): Promise<void>
  put(records: readonly Numbered<OpsRecord>[]): Promise<void>
  remove(seqs: readonly number[]): Promise<void>
}

/** The positions that are in no document yet. */
export interface FixStore {
  all(): Promise<FixRecord[]>
  /** The newest of a track, newest first. */
  newest(document: string, limit: number): Promise<Numbered<FixRecord>[]>
  /** Names of all tracks that have one. */
  tracks(): Promise<string[]>
  add(records: readonly FixRecord[]): Promise<void>
  remove(seqs: readonly number[]): Promise<void>
  /** Remove the oldest beyond a number of them; returns how many. */
  removeOldest(beyond: number): Promise<number>
}

export interface ShelfStore {
  /** Returns the numbers that they got. */
  add(records: readonly ShelfRecord[]): Promise<number[]>
}

export interface StateStore {
  get(key: StateRecord['k']): Promise<unknown>
  put(key: StateRecord['k'], value: unknown): Promise<void>
}

export type Row = Record<string, unknown>

/** Rows as the app reads them, by primary key. */
export interface RowStore {
  isEmpty(): Promise<boolean>
  keys(): Promise<Key[]>
  get(keys: readonly Key[]): Promise<(Row | undefined)[]>
  put(rows: readonly { readonly key: Key; readonly row: Row }[]): Promise<void>
  remove(keys: readonly Key[]): Promise<void>
  /** The keys of the rows that have this value in an index. */
  keysWith(index: IndexSpec, value: Key): Promise<Key[]>
}
