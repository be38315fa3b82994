/** What the rows of a device should be by what it has stored: document ⊕ waiting edits, computed from the disk. */
import { buildDocument } from '../../src/engine/document-log.js'
import { byRow, overlay } from '../../src/engine/edits.js'
import { keysOf, readRow } from '../../src/engine/rows.js'
import type { DeviceStore } from '../../src/storage/device-store.js'
import type { DocumentRecord, OpsRecord, UpdateRecord } from '../../src/storage/records.js'

type Rows = Record<string, Record<string, unknown>>

export interface Disk {
  readonly shown: Rows
  /** null: the rows are those of an earlier epoch until the new one has arrived. */
  readonly expected: Rows | null
}

export function readDisk(store: DeviceStore): Promise<Disk> {
  return store.db.transaction('r!', ['cars', '$ops', '$updates', '$docs'], async (tx) => {
    const shown: Rows = {}
    for (const { id, ...fields } of await tx.table<{ id: string }>('cars').toArray()) shown[id] = fields
    const [record] = await tx.table<DocumentRecord>('$docs').toArray()
    if (record?.stale) return { shown, expected: null }
    const doc = buildDocument(await tx.table<UpdateRecord>('$updates').toArray())
    const waiting = byRow((await tx.table<OpsRecord>('$ops').toArray()).flatMap(({ l }) => [...l]))
    const expected: Rows = {}
    for (const key of new Set([...keysOf(doc), ...waiting.keys()])) {
      const fields = overlay(readRow(doc, key), waiting.get(key) ?? [])
      if (fields) expected[key] = fields
    }
    return { shown, expected }
  })
}
