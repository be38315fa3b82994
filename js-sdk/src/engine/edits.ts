/**
 * The arithmetic of row edits: what edits make of a row, and the shortest edits that make the same. Pure; knows
 * neither Yjs nor Dexie. `overlay` shows what is not folded yet, `coalesce` is what gets folded; a property test
 * holds them together, because rows = document ⊕ edits must be true before and after a fold.
 */
import type { RowEdit } from '../contract.js'
import { type Fields, same } from './stored.js'

/** How one row came from `before` to `after`; null when it did not change. `before` null: it was added. */
export function difference(k: string, before: Fields | null, after: Fields): RowEdit | null {
  if (before === null) return { k, ins: true, set: after }
  const set = Object.fromEntries(Object.entries(after).filter(([name, value]) => !same(before[name], value)))
  const unset = Object.keys(before).filter((name) => !Object.hasOwn(after, name))
  if (Object.keys(set).length === 0 && unset.length === 0) return null
  return { k, ...(Object.keys(set).length > 0 && { set }), ...(unset.length > 0 && { unset }) }
}

/** The row after the edits; null: no row. Editing a row that is not there makes none, only adding it does. */
export function overlay(row: Fields | null, edits: readonly RowEdit[]): Fields | null {
  let fields = row
  for (const edit of edits) {
    if (edit.del) fields = null
    else if (edit.ins || fields !== null) {
      fields = without({ ...fields, ...edit.set }, edit.unset ?? [])
    }
  }
  return fields
}

/** Edits by row, the rows in the order of their first edit. */
export function byRow(edits: Iterable<RowEdit>): Map<string, RowEdit[]> {
  const rows = new Map<string, RowEdit[]>()
  for (const edit of edits) {
    const known = rows.get(edit.k)
    if (known) known.push(edit)
    else rows.set(edit.k, [edit])
  }
  return rows
}

export interface Coalesced {
  /** None, one, or a delete and an add: a row that was deleted and added again is a new row. */
  readonly edits: readonly RowEdit[]
  /**
   * Changes of a row that somebody has deleted, as one edit; not if the same edits later delete it too. Adding it
   * again does not take them back: that makes a new row, and shows what was added and no more.
   */
  readonly orphan: RowEdit | null
}

/** The edits of one row as few edits. `exists`: whether the document has the row. */
export function coalesce(exists: boolean, edits: readonly RowEdit[]): Coalesced {
  let alive = exists
  let removed = false
  let change: Change | null = null
  let orphan: Change | null = null
  for (const edit of edits) {
    if (edit.del) {
      removed = exists
      alive = false
      change = orphan = null
    } else if (edit.ins || alive) {
      change = merged(change, edit)
      alive = true
    } else {
      orphan = merged(orphan, edit)
    }
  }
  const result: RowEdit[] = []
  const k = edits[0]?.k ?? ''
  if (removed) result.push({ k, del: true })
  if (change) result.push(toEdit(k, change))
  return { edits: result, orphan: orphan && toEdit(k, orphan) }
}

interface Change {
  readonly ins: boolean
  readonly set: Fields
  readonly unset: readonly string[]
}

function merged(change: Change | null, edit: RowEdit): Change {
  const set = edit.set ?? {}
  const unset = edit.unset ?? []
  return {
    ins: (change?.ins ?? false) || edit.ins === true,
    set: { ...without(change?.set ?? {}, unset), ...set },
    unset: [
      ...(change?.unset ?? []).filter((name) => !Object.hasOwn(set, name) && !unset.includes(name)),
      ...unset,
    ],
  }
}

function toEdit(k: string, { ins, set, unset }: Change): RowEdit {
  return {
    k,
    ...(ins && { ins: true as const }),
    ...((ins || Object.keys(set).length > 0) && { set }),
    ...(unset.length > 0 && { unset }),
  }
}

function without(fields: Fields, names: readonly string[]): Fields {
  if (names.length === 0) return fields
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}
