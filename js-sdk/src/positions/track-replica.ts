/**
 * One track's document as this device writes it: a `Replica` that is only sent. In: fixes from the log. Out:
 * updates that append chunks. Never holds the whole track: chunks stand in no order, so a session appends
 * with a client id of its own to a document that is empty here.
 */
import * as Y from 'yjs'
import type { LocalUpdate, Refusal, Replica } from '../contract.js'
import * as log from '../engine/document-log.js'
import type { EngineShell, Findings } from '../engine/shell.js'
import type { Stores } from '../engine/stores.js'
import { encodeChunk } from '../layout/chunk.js'
import { trackRuns, utcDay } from '../layout/track-days.js'
import { parseName } from '../names.js'
import type { FixRecord, ShelfRecord, UpdateRecord } from '../storage/records.js'
import { fixesOf, newestFixes, putFixesBack, removeFixes } from './fix-log.js'

/** Good numbers are 60 to 300: fewer cost headers, more make a damaged chunk dear. */
const FIXES_PER_CHUNK = 300
/** More are not read for one update. */
const FIXES_PER_UPDATE = 3000
/** How long after its day a track is still likely to grow. */
const LATE_MS = 3_600_000
const NO_STATE = new Uint8Array([0])

export class TrackReplica implements Replica {
  readonly receives = false
  readonly #vehicle: string
  readonly #day: string
  #doc: Y.Doc | null = null

  constructor(
    readonly document: string,
    private readonly shell: EngineShell,
  ) {
    const name = parseName(document)
    if (name.kind !== 'track') throw new Error(`${document} is no track`)
    this.#vehicle = name.vehicle
    this.#day = name.day
  }

  async hello(): Promise<{ epoch: string | null; stateVector: Uint8Array; synced: boolean }> {
    return this.#run(async (tx) => {
      const { epoch } = await log.readDocument(tx, this.document)
      return { epoch, stateVector: NO_STATE, synced: true } // nothing is wanted
    })
  }

  adopt(epoch: string): Promise<'same' | 'replaced'> {
    return this.#run(async (tx) => {
      const known = await log.readDocument(tx, this.document)
      if (known.epoch === epoch) return 'same'
      await log.noteDocument(tx, this.document, { epoch })
      if (known.epoch === null) return 'same'
      const records = await tx.updates.of(this.document)
      const local = records.filter(({ o }) => o === 'local')
      await this.#unfold(tx, local)
      await log.removeUpdates(tx, records)
      return 'replaced'
    })
  }

  async receive(): Promise<void> {
    // Nothing comes: the content of tracks is not wanted here.
  }

  fold(maxBytes: number): Promise<LocalUpdate | null> {
    return this.#run(async (tx) => {
      const records = lastOf(await newestFixes(tx, this.document, FIXES_PER_UPDATE), maxBytes)
      if (records.length === 0) return null
      await removeFixes(tx, records)
      const vehicle = this.#vehicle
      const runs = trackRuns(
        fixesOf(records).map((fix) => ({ vehicle, fix })),
        FIXES_PER_CHUNK,
      )
      const chunks = runs.map((run) => encodeChunk(run.fixes))
      const at = Math.min(...records.map((record) => record.at))
      return log.addLocal(tx, { d: this.document, u: this.#append(chunks), chunks, n: records.length, at })
    })
  }

  /**
   * In the order in which they were made, because each builds on the one before. Few wait here: what is not on
   * its way yet waits as fixes, and those are folded newest first.
   */
  unconfirmed(serverVector: Uint8Array): Promise<readonly LocalUpdate[]> {
    return this.#run(async (tx) => {
      const known = Y.decodeStateVector(serverVector)
      const records = await tx.updates.of(this.document)
      // Durable ones are among them where the server was restored from a backup and lacks them.
      const lacking = records.filter(({ o, u }) => o === 'local' || !isKnown(u, known))
      return lacking.map(({ seq, u, n }) => ({ id: seq, update: u, edits: n }))
    })
  }

  durable(ids: readonly number[]): Promise<void> {
    return this.#run((tx) => log.markDurable(tx, this.document, ids))
  }

  refuse(ids: readonly number[], refusal: Refusal): Promise<void> {
    return this.#run(async (tx, findings) => {
      const records = await tx.updates.of(this.document)
      const refused = records.filter(({ seq, o }) => o === 'local' && ids.includes(seq))
      if (refused.length === 0) return
      // What builds on them the server would keep waiting for ever, and say that it is durable.
      const [, undone] = log.withoutRefused(records, refused)
      await log.removeUpdates(tx, [...refused, ...undone])
      await this.#unfold(tx, undone)
      const shelved = refused.flatMap((record) => this.#shelved(record, refusal))
      if (shelved.length > 0) {
        const ids = await tx.shelf.add(shelved)
        findings.shelved.push(...shelved.map((record, i) => ({ ...record, n: ids[i] as number })))
      }
      this.#doc = null // what is appended next must not build on them either
    })
  }

  async shelve(): Promise<void> {
    // Positions are facts, and rights may come; those that wait too long are dropped, and that is told.
  }

  /**
   * Make one of the small updates that are durable; at one fix a second there are 86,400 a day. Those that were made
   * of many stay: to write a whole day anew again and again would wear out the flash of a device.
   */
  compact(): Promise<void> {
    return this.#run(async (tx) => {
      const small = (await tx.updates.of(this.document)).filter(({ o }) => o === 'remote')
      const [first] = small
      if (first === undefined || small.length < this.shell.compactFrom) return
      const u = Y.mergeUpdates(small.map((record) => record.u))
      const at = Math.max(...small.map((record) => record.at))
      await log.removeUpdates(tx, small)
      // In the place of the first, because what comes after builds on it.
      await tx.updates.put([{ seq: first.seq, d: this.document, u, o: 'snapshot', n: 0, at }])
    })
  }

  unload(): void {
    // With the document its client id would go, and each costs every replica for ever. What it holds is what this
    // session has appended, some 9 bytes a fix; of a day that is over nothing more comes.
    if (this.#day < utcDay(this.shell.now() - LATE_MS)) this.#doc = null
  }

  #append(chunks: readonly Uint8Array[]): Uint8Array {
    const isFirst = this.#doc === null
    this.#doc ??= new Y.Doc()
    const doc = this.#doc
    const before = Y.encodeStateVector(doc)
    doc.transact(() => {
      if (isFirst) doc.getMap('meta').set('layout', 1)
      doc.getArray('chunks').push([...chunks])
    })
    return Y.encodeStateAsUpdate(doc, before)
  }

  /** Make waiting fixes of updates again; what is appended next gets a client id of its own. */
  async #unfold(tx: Stores, records: readonly UpdateRecord[]): Promise<void> {
    for (const { chunks, at } of records) {
      for (const chunk of chunks ?? []) await putFixesBack(tx, this.document, chunk, at)
    }
    this.#doc = null
  }

  #shelved(record: UpdateRecord, refusal: Refusal): ShelfRecord[] {
    return (record.chunks ?? []).map((chunk) => ({
      t: this.document,
      e: { k: '', ins: true, set: { chunk } },
      r: refusal,
      at: record.at,
    }))
  }

  /** One transaction, with one more try where the connection had died. */
  async #run<T>(work: (tx: Stores, findings: Findings) => Promise<T>, again = true): Promise<T> {
    const findings: Findings = { conflicts: [], shelved: [], problems: [], unsent: [] }
    try {
      const stores = ['$fixes', '$updates', '$docs', '$shelf']
      const result = await this.shell.transact(stores, (tx) => work(tx, findings))
      this.shell.report(findings)
      return result
    } catch (error) {
      this.#doc = null // it may be ahead of the disk
      if (again && (await this.shell.revive(error))) return this.#run(work, false)
      throw error
    }
  }
}

/** The last records that together take `maxBytes`, and at least one; in a chunk of many they take less. */
function lastOf<R extends FixRecord>(records: readonly R[], maxBytes: number): readonly R[] {
  let count = 0
  let bytes = 0
  for (const { c } of [...records].reverse()) {
    bytes += c.byteLength
    if (bytes > maxBytes && count > 0) break
    count++
  }
  return records.slice(records.length - count)
}

function isKnown(update: Uint8Array, known: ReadonlyMap<number, number>): boolean {
  return [...Y.parseUpdateMeta(update).to].every(([client, end]) => (known.get(client) ?? 0) >= end)
}
