/**
 * One table's document as this device holds it: a `Replica`. In: updates of the server, and the app's edits from
 * the log. Out: rows in the app's table, and updates to send. Knows no network.
 *
 * After every commit rows = document ⊕ waiting edits. `receive` does not fold: only the caller knows whether the
 * server's state is complete, and an edit that is folded before that would look like one of a deleted row. It lays
 * the waiting edits over the rows instead, by the same arithmetic that folds them later (`edits.ts`).
 * One exception: after a change of epoch the old rows stay until the new history arrives, because an empty table
 * helps nobody who loses the network at that moment.
 */
import type * as Y from 'yjs'
import type { LocalUpdate, Refusal, Replica, RowEdit } from '../contract.js'
import { WebHostError } from '../errors.js'
import { tableDocument } from '../names.js'
import type { TableSpec } from '../schema.js'
import { beyond, isBeyond } from './coverage.js'
import * as log from './document-log.js'
import { byRow } from './edits.js'
import { pendingEdits, putBack, takeEdits } from './pending.js'
import { foldEdits, isReadable, mergeUpdates, shortened } from './rows.js'
import { shelve } from './shelf.js'
import type { EngineShell, Findings } from './shell.js'
import type { Stores } from './stores.js'
import { showRows } from './view.js'

/** Not stored: it repeats what is stored as durable, so that its end needs no bookkeeping. */
const BEYOND_ID = -1

export class TableReplica implements Replica {
  readonly document: string
  readonly receives = true
  #doc: Y.Doc | null = null
  /** One client id per session, bound when something is written: each costs every replica for ever. */
  #client: number | null = null
  /** Client ids that wrote for this device. */
  #own = new Set<number>()
  /** Local updates that came to be while receiving, and that nobody has been given yet. */
  #unsent: number[] = []
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly spec: TableSpec,
    private readonly schema: string,
    private readonly shell: EngineShell,
  ) {
    this.document = tableDocument(spec.name)
  }

  hello() {
    return this.#run('hello', async (tx) => {
      const { epoch, sv, synced = false } = await log.readDocument(tx, this.document)
      return { epoch, stateVector: sv, synced }
    })
  }

  adopt(epoch: string): Promise<'same' | 'replaced'> {
    return this.#run('adopt', async (tx) => {
      const known = await log.readDocument(tx, this.document)
      if (known.epoch === epoch) return 'same'
      if (known.epoch === null) {
        await log.noteDocument(tx, this.document, { epoch })
        return 'same'
      }
      const records = await tx.updates.of(this.document)
      this.#forget()
      await this.#unfold(
        tx,
        records.filter(({ o }) => o === 'local'),
      )
      await log.removeUpdates(tx, records)
      this.shell.crash('adopt:dropped')
      await log.noteDocument(tx, this.document, { epoch, doc: log.buildDocument([]), own: [], stale: true })
      return 'replaced'
    })
  }

  receive(updates: readonly Uint8Array[], first = false): Promise<void> {
    return this.#run('receive', async (tx, findings) => {
      const doc = await this.#load(tx)
      const { stale, synced } = await log.readDocument(tx, this.document)
      if (first && !synced) await log.noteDocument(tx, this.document, { synced: true })
      const { keys, news, repair } = mergeUpdates(doc, updates, this.#own)
      this.shell.crash('receive:merged')
      if (news) await log.addRemote(tx, this.document, updates, this.shell.now())
      if (repair.update) {
        const made = { n: repair.edits.length, at: this.shell.now() }
        findings.unsent.push((await this.#addLocal(tx, doc, repair.update, repair.edits, made)).id)
      }
      this.shell.crash('receive:stored')
      if (news || stale) {
        await this.#show(tx, doc, stale ? 'all' : keys, findings)
        this.shell.crash('receive:shown')
      }
    })
  }

  fold(maxBytes: number): Promise<LocalUpdate | null> {
    return this.#run('fold', async (tx, findings) => {
      const waiting = await this.#nextUnsent(tx)
      if (waiting) return waiting
      if ((await log.readDocument(tx, this.document)).stale) return null
      for (;;) {
        const slice = await takeEdits(tx, this.spec.name, maxBytes)
        if (!slice) return null
        this.shell.crash('fold:taken')
        const doc = await this.#load(tx)
        if (!isReadable(doc)) throw outdated(this.spec.name)
        const { update, edits, orphans } = foldEdits(doc, byRow(slice.edits), this.schema)
        this.shell.crash('fold:applied')
        await shelve(tx, this.spec.name, orphans, DELETED, this.shell.now(), findings)
        if (!update) continue
        const made = { n: slice.edits.length - orphans.length, at: slice.at }
        const local = await this.#addLocal(tx, doc, update, edits, made)
        this.shell.crash('fold:stored')
        return local
      }
    })
  }

  unconfirmed(serverVector: Uint8Array): Promise<readonly LocalUpdate[]> {
    return this.#run('unconfirmed', async (tx) => {
      const records = await tx.updates.localOf(this.document)
      this.#unsent = []
      const local = records.map(({ seq, u, n }) => ({ id: seq, update: u, edits: n }))
      const updates = records.map(({ u }) => u)
      const { sv } = await log.readDocument(tx, this.document)
      if (!isBeyond(sv, serverVector, updates)) return local
      const update = beyond(await this.#load(tx), serverVector, updates)
      return update ? [...local, { id: BEYOND_ID, update, edits: 0 }] : local
    })
  }

  durable(ids: readonly number[]): Promise<void> {
    return this.#run('durable', async (tx) => {
      await log.markDurable(tx, this.document, ids)
      this.shell.crash('durable:marked')
    })
  }

  refuse(ids: readonly number[], refusal: Refusal): Promise<void> {
    return this.#run('refuse', async (tx, findings) => {
      const records = await tx.updates.of(this.document)
      const refused = records.filter(({ seq, o }) => o === 'local' && ids.includes(seq))
      if (refused.length === 0) return
      const [kept, undone] = log.withoutRefused(records, refused)
      this.#forget()
      await log.removeUpdates(tx, [...refused, ...undone])
      const edits = refused.flatMap(({ ops }) => ops ?? [])
      await shelve(tx, this.spec.name, edits, refusal, this.shell.now(), findings)
      await this.#unfold(tx, undone)
      this.shell.crash('refuse:shelved')
      const doc = await this.#take(tx, log.buildDocument(kept))
      const keys = [...edits, ...undone.flatMap(({ ops }) => ops ?? [])].map(({ k }) => k)
      await this.#show(tx, doc, new Set(keys), findings)
      this.shell.crash('refuse:shown')
    })
  }

  shelve(refusal: Refusal): Promise<void> {
    return this.#run('shelve', async (tx, findings) => {
      const { stale } = await log.readDocument(tx, this.document)
      const local = await tx.updates.localOf(this.document)
      const waiting = await tx.edits.of(this.spec.name)
      if (local.length + waiting.length === 0) return
      this.#forget()
      await log.removeUpdates(tx, local)
      await tx.edits.remove(waiting.map(({ seq }) => seq))
      const doc = await this.#load(tx)
      const made = [...local.flatMap(({ ops }) => ops ?? []), ...waiting.flatMap(({ l }) => l)]
      const edits = shortened(doc, byRow(made))
      await shelve(tx, this.spec.name, edits, refusal, this.shell.now(), findings)
      this.shell.crash('shelve:shelved')
      // After a change of epoch the rows wait for the new history. All rows: what others wrote may build on ours.
      if (stale) await log.noteDocument(tx, this.document, { doc })
      else await this.#show(tx, doc, 'all', findings)
    })
  }

  compact(): Promise<void> {
    return this.#run('compact', async (tx) => {
      await log.compactLog(tx, this.document, this.shell)
    })
  }

  unload(): void {
    // Another tab may lead before the next load, and refuse or drop what the client id has written.
    this.#forget()
  }

  /** Drop what is in memory because the disk may hold something else; what comes next gets a client id of its own. */
  #forget(): void {
    this.#doc = null
    this.#client = null
  }

  async #load(tx: Stores): Promise<Y.Doc> {
    if (this.#doc) return this.#doc
    const records = await tx.updates.of(this.document)
    return this.#take(tx, log.buildDocument(records))
  }

  async #take(tx: Stores, doc: Y.Doc): Promise<Y.Doc> {
    this.#own = new Set((await log.readDocument(tx, this.document)).own)
    if (this.#client !== null) doc.clientID = this.#client
    this.#client = doc.clientID
    this.#doc = doc
    return doc
  }

  /** Store what was made here, and that its client id is ours. */
  async #addLocal(
    tx: Stores,
    doc: Y.Doc,
    update: Uint8Array,
    edits: readonly RowEdit[],
    made: { n: number; at: number },
  ): Promise<LocalUpdate> {
    this.#own.delete(doc.clientID)
    this.#own.add(doc.clientID)
    await log.noteDocument(tx, this.document, { doc, own: [...this.#own] })
    return log.addLocal(tx, { ...made, d: this.document, u: update, ops: edits })
  }

  async #nextUnsent(tx: Stores): Promise<LocalUpdate | null> {
    if (this.#unsent.length === 0) return null
    const records = await tx.updates.localOf(this.document)
    const record = records.find(({ seq }) => this.#unsent.includes(seq))
    this.#unsent = record ? this.#unsent.filter((id) => id !== record.seq) : []
    return record ? { id: record.seq, update: record.u, edits: record.n } : null
  }

  /** Make edits of updates again, older than all that wait. */
  async #unfold(tx: Stores, records: readonly log.LocalRecord[]): Promise<void> {
    if (records.length === 0) return
    const edits = records.flatMap(({ ops }) => ops ?? [])
    await putBack(tx, this.spec.name, edits, Math.min(...records.map(({ at }) => at)))
  }

  async #show(tx: Stores, doc: Y.Doc, keys: ReadonlySet<string> | 'all', findings: Findings): Promise<void> {
    const canShow = isReadable(doc)
    if (canShow) await showRows(tx, this.spec, doc, await pendingEdits(tx, this.spec.name), keys, findings)
    else findings.problems.push(outdated(this.spec.name))
    await log.noteDocument(tx, this.document, { doc, stale: !canShow })
  }

  /** One transaction after another, each with one more try where the connection had died. */
  #run<T>(name: string, work: (tx: Stores, findings: Findings) => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => this.#attempt(name, work, true))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #attempt<T>(
    name: string,
    work: (tx: Stores, findings: Findings) => Promise<T>,
    again: boolean,
  ): Promise<T> {
    const findings: Findings = { conflicts: [], shelved: [], problems: [], unsent: [] }
    const stores = [this.spec.name, '$ops', '$updates', '$docs', '$shelf']
    try {
      this.shell.crash(`${name}:begin`)
      const result = await this.shell.transact(stores, (tx) => work(tx, findings))
      this.shell.crash(`${name}:committed`)
      this.#unsent.push(...findings.unsent)
      this.shell.report(findings)
      return result
    } catch (error) {
      this.#forget()
      if (again && (await this.shell.revive(error))) return this.#attempt(name, work, false)
      throw error
    }
  }
}

const DELETED: Refusal = { code: 'deleted', message: 'Somebody has deleted the row meanwhile.' }

function outdated(table: string): WebHostError {
  const message = `The document of ${table} has a layout that this version does not know.`
  return new WebHostError('client_too_old', message, 'Update webhost-sync. Edits are kept until then.')
}
