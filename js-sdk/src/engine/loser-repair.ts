/**
 * Two devices create the same key within one round trip: Yjs keeps one of the two row maps, and all fields of the
 * other would be gone. So each device writes back what it had written into the map that lost and what the winner
 * lacks, whoever had created that map (measured: of four fields set by three devices one survives without this,
 * four with it).
 *
 * In: the event of a merge. Out: rows that lost, with the fields that this device wrote. The only module that looks
 * inside Yjs (`_item`, `_map`, `origin`, `left`, `content` of 13.6); its test fails when these change.
 */
import * as Y from 'yjs'
import type { Stored } from '../contract.js'
import type { Fields } from './stored.js'

export interface LostRow {
  readonly key: string
  readonly fields: Fields
}

/** `own`: the client ids that write for this device. Only valid while the event's observers run. */
export function lostRows(event: Y.YMapEvent<unknown>, own: ReadonlySet<number>): LostRow[] {
  const lost: LostRow[] = []
  for (const [key, { action, oldValue }] of event.changes.keys) {
    if (action !== 'update' || !(oldValue instanceof Y.Map)) continue
    const loser = oldValue._item
    const winner = event.target._map.get(key)
    if (!loser || !winner || isBuiltOn(winner, loser)) continue
    lost.push({ key, fields: fieldsOf(oldValue, event, own) })
  }
  return lost
}

/** Whether the newer item replaces the older one on purpose: its chain of origins leads there. */
function isBuiltOn(newer: Y.Item, older: Y.Item): boolean {
  for (let item: Y.Item | null = newer; item?.origin; ) {
    const origin: Y.ID = item.origin
    if (Y.compareIDs(origin, older.id)) return true
    let left: Y.Item | null = item.left
    while (left && !contains(left, origin)) left = left.left
    item = left
  }
  return false
}

function contains(item: Y.Item, id: Y.ID): boolean {
  return item.id.client === id.client && item.id.clock <= id.clock && id.clock < item.id.clock + item.length
}

/** What the map held of ours until this event; fields that had been taken out before are not among them. */
function fieldsOf(map: Y.Map<unknown>, event: Y.YMapEvent<unknown>, own: ReadonlySet<number>): Fields {
  const fields: [string, Stored][] = []
  map._map.forEach((item, name) => {
    const value: unknown = item.content.getContent().at(-1)
    const isOurs = event.deletes(item) && own.has(item.id.client)
    if (isOurs && value !== undefined && !(value instanceof Y.AbstractType)) {
      fields.push([name, value as Stored])
    }
  })
  return Object.fromEntries(fields)
}
