/**
 * The stores beside the app's tables: their names, their records, and what their indexes are for.
 *
 * Truth is `$updates` ⊕ `$ops`; the app's tables are a view of it that can be made anew at any time.
 */
import type { Refusal, RowEdit } from '../contract.js'

/** One write of the app that is in no document yet. */
export interface OpsRecord {
  seq?: number
  /** Table. */
  t: string
  /** At most 500 edits. */
  l: readonly RowEdit[]
  /** How many edits. */
  n: number
  /** When, in ms since 1970. */
  at: number
}

/** One update of a document, V1 bytes. */
export interface UpdateRecord {
  seq?: number
  /** Document. */
  d: string
  u: Uint8Array
  /** `local`: made here and not known to be durable; `remote`: the server has it; `snapshot`: many in one. */
  o: 'local' | 'remote' | 'snapshot'
  /** Of local ones: how many edits they carry and when the oldest was made; 0 otherwise. */
  n: number
  at: number
  /** Of local ones: what made them, so that they can be made again in another history, or shelved. */
  ops?: readonly RowEdit[]
  /** Of tracks, in place of `ops`: the chunks of positions. */
  chunks?: readonly Uint8Array[]
}

export interface DocumentRecord {
  d: string
  /** null: never in contact with the server. */
  epoch: string | null
  /** The state vector of all that `$updates` holds for this document. */
  sv: Uint8Array
  /** The last client ids that wrote here, newest last: this device repairs what they wrote. */
  own?: readonly number[]
  /** The rows do not follow the document: make them anew when the next updates arrive. */
  stale?: true
  /** All that the server had at one time has been received here. */
  synced?: true
}

/** A position that is in no document yet. */
export interface FixRecord {
  seq?: number
  /** The track's document. */
  d: string
  /** A chunk of this one fix: the bytes say whether it can be packed at all. */
  c: Uint8Array
  /** When it was recorded, ms since 1970. */
  at: number
}

/** An edit that nobody will ever take. */
export interface ShelfRecord {
  n?: number
  t: string
  e: RowEdit
  r: Refusal
  at: number
}

export interface StateRecord {
  /** `schemas`: the schema of every table that was ever synced here, by name; `dropped`: positions that are lost. */
  k: 'install' | 'leader' | 'rebuild' | 'latest' | 'schemas' | 'dropped' | `sequence:${string}`
  v: unknown
}

/**
 * `$ops` by `t` gives a table's log in order; the compound indexes answer "how much is pending, since when"
 * from their keys alone. `$fixes` belongs to the positions. Not `$meta`: Dexie 4.4 keeps its own version in
 * a store of that name and deletes the store when a schema is upgraded.
 */
export const SYSTEM_STORES: Readonly<Record<string, string>> = {
  $ops: '++seq, t, [t+n+at]',
  $updates: '++seq, d, [o+d+n+at]',
  $docs: 'd',
  $shelf: '++n, t',
  $state: 'k',
  $fixes: '++seq, d',
}

export const MAX_EDITS_PER_RECORD = 500

/** Edits as log records, `MAX_EDITS_PER_RECORD` each: one record per edit doubles the time of a bulk write. */
export function toOps(table: string, edits: readonly RowEdit[], at: number): OpsRecord[] {
  const records: OpsRecord[] = []
  for (let from = 0; from < edits.length; from += MAX_EDITS_PER_RECORD) {
    const l = edits.slice(from, from + MAX_EDITS_PER_RECORD)
    records.push({ t: table, l, n: l.length, at })
  }
  return records
}
