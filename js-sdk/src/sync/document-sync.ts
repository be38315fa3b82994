/**
 * Keeps one document in step with the server: the replica on one side, the connection on the other.
 *
 *     waiting ──opened──> asked ──both answers──> live ──offline──> waiting
 *        │                                          │
 *        └──denied──> denied ──retry──> waiting     └── fold, send, fold, send … (while the server keeps up)
 *
 * Denied is who has no right, or whose document was deleted: what waits goes to the shelf. Whom the server can't let in now goes on waiting.
 *
 * Both answers are what the server has (its step 1) and what we lack (its answer to ours); they come in either
 * order, and a document that is only sent (a track) waits for the first alone. What is sent is stored first, and
 * stays stored until the server says that it is durable, so nothing here has to survive: after a loss of the
 * connection everything is asked of the replica again.
 */

import type { Attachment, DocumentHandler, Link, LocalUpdate, Refusal, Replica } from '../contract.js'
import { SentUpdates } from './sent-updates.js'
import { Serial } from './serial.js'

/** Bytes of one update that we aim at: a cut connection then costs little, and pings are not starved. */
const TARGET_BYTES = 256 * 1024
/** How long after sending it is asked whether the server has read it: mostly it is durable before. */
const ASK_READ_AFTER_MS = 250
/** Bytes that may be on their way before we wait for the server. */
const MOST_IN_FLIGHT = 2 * 1024 * 1024

/** So many stored updates later it may be worth to make one of them. */
const COMPACT_AFTER = 64

export type DocumentPhase = 'waiting' | 'asked' | 'live' | 'denied'

export interface DocumentState {
  readonly phase: DocumentPhase
  readonly writable: boolean
  /** Why the server keeps us out: for good while `denied`, for now while `waiting`. */
  readonly denial: Refusal | null
  /** Why it takes no edits though it let us in, if so. */
  readonly held: Refusal | null
}

/** What the synchronizer wants to hear of. */
export interface DocumentEvents {
  changed(): void
  durable(edits: number): void
  /** A transaction failed: the storage is away, or this tab leads no more. */
  failed(error: unknown): void
}

type Opened = Parameters<DocumentHandler['opened']>[0]
type Denial = Parameters<DocumentHandler['denied']>[0]

/** Invariant: the replica is asked for one thing at a time, in the order in which it was wanted. */
export class DocumentSync implements DocumentHandler {
  readonly #replica: Replica
  readonly #events: DocumentEvents
  readonly #serial = new Serial()
  readonly #attachment: Attachment
  readonly #link: Link
  readonly #sent = new SentUpdates()
  #readTimer: ReturnType<typeof setTimeout> | null = null
  #target = TARGET_BYTES
  #limit = Number.POSITIVE_INFINITY
  /** What the server has, as it said last; null until then. Before that nothing may be sent. */
  #serverVector: Uint8Array | null = null
  /** What we lacked has come. */
  #isComplete = false
  #pumpIsDue = false
  #storedSince = 0
  /** Raised at each loss, so that what was begun before it is not sent after it. */
  #connection = 0
  #state: DocumentState = { phase: 'waiting', writable: true, denial: null, held: null }

  constructor(replica: Replica, link: Link, events: DocumentEvents) {
    this.#replica = replica
    this.#events = events
    this.#link = link
    this.#attachment = link.attach(replica.document, this)
  }

  get state(): DocumentState {
    return this.#state
  }

  /** Edits that the server has read, and that are not durable yet. */
  get received(): number {
    return this.#sent.received
  }

  /** Whether the content of the document is wanted here. */
  get receives(): boolean {
    return this.#replica.receives
  }

  /** Something waits to be folded. */
  wake(): void {
    const { phase } = this.#state
    if ((phase !== 'live' && phase !== 'denied') || this.#pumpIsDue) return
    this.#pumpIsDue = true
    void this.#do(() => this.#pump())
  }

  /** Ask again after a denial. */
  retry(): void {
    if (this.#state.denial === null) return
    this.#become({ phase: 'waiting', denial: null })
    this.#attachment.retry()
  }

  /** Leave the connection; resolves when the last transaction has ended. */
  async stop(): Promise<void> {
    this.offline()
    this.#attachment.detach()
    await this.#serial.idle()
    this.#replica.unload()
  }

  async hello(): Promise<{ epoch: string | null; stateVector: Uint8Array | null }> {
    const { epoch, stateVector } = await this.#serial.run(() => this.#replica.hello())
    return { epoch, stateVector: this.#replica.receives ? stateVector : null }
  }

  async opened(document: Opened): Promise<void> {
    this.#target = Math.min(TARGET_BYTES, document.frameTarget / 2)
    this.#limit = document.frameLimit
    await this.#do(async () => {
      await this.#replica.adopt(document.epoch)
      this.#become({ phase: 'asked', writable: document.writable, denial: null, held: null })
    })
  }

  async serverHas(stateVector: Uint8Array): Promise<void> {
    const vector = stateVector.slice()
    this.#serverVector = vector
    await this.#do(async () => {
      // A server that asks again lacks something that our updates build on.
      if (this.#state.phase === 'live') await this.#sendUnconfirmed(vector, this.#connection)
      else await this.#goLive()
    })
  }

  async updates(updates: readonly Uint8Array[], first: boolean): Promise<void> {
    await this.#do(async () => {
      await this.#replica.receive(updates, first)
      if (first) this.#isComplete = true
      if (first) await this.#goLive()
      await this.#compactSometimes(1)
    })
  }

  async durable(ids: readonly number[]): Promise<void> {
    const edits = this.#sent.arrived(ids)
    await this.#do(async () => {
      await this.#replica.durable(ids)
      this.#events.durable(edits)
      await this.#compactSometimes(ids.length)
    })
    this.wake()
  }

  async refused(ids: readonly number[], refusal: Refusal): Promise<void> {
    this.#sent.arrived(ids)
    await this.#do(() => this.#replica.refuse(ids, refusal))
    this.wake()
  }

  held(reason: Refusal): void {
    this.#become({ held: reason })
  }

  presence(): void {
    // Presence has documents of its own.
  }

  offline(): void {
    this.#connection++
    this.#sent.clear()
    this.#serverVector = null
    this.#isComplete = false
    if (this.#readTimer !== null) clearTimeout(this.#readTimer)
    this.#readTimer = null
    if (this.#state.phase !== 'denied') this.#become({ phase: 'waiting', denial: null })
  }

  async denied(denial: Denial): Promise<void> {
    this.offline()
    if (denial.kind === 'epoch' && denial.epoch !== null) {
      const { epoch } = denial
      await this.#do(async () => {
        await this.#replica.adopt(epoch)
      })
      return // the connection comes again by itself, and not as fast as it can
    }
    // What is neither a right nor a document that is gone passes by itself; the connection tries again.
    const phase = denial.kind === 'forbidden' || denial.kind === 'deleted' ? 'denied' : 'waiting'
    this.#become({ phase, denial: denial.refusal })
    this.wake()
  }

  async #goLive(): Promise<void> {
    const vector = this.#serverVector
    const isComplete = this.#isComplete || !this.#replica.receives
    if (this.#state.phase !== 'asked' || vector === null || !isComplete) return
    this.#become({ phase: 'live' })
    await this.#sendUnconfirmed(vector, this.#connection)
    await this.#pump()
    await this.#compactSometimes(COMPACT_AFTER)
  }

  async #sendUnconfirmed(serverVector: Uint8Array, connection: number): Promise<void> {
    let updates = await this.#replica.unconfirmed(serverVector)
    const tooLarge = updates.filter((update) => this.#isTooLarge(update))
    if (tooLarge.length > 0) {
      await this.#refuseTooLarge(tooLarge)
      // What built on them is gone as well.
      updates = await this.#replica.unconfirmed(serverVector)
    }
    for (const update of updates) {
      if (!this.#sent.has(update.id) && !this.#isTooLarge(update)) this.#send(update, connection)
    }
  }

  /** The server would close the socket for it, and with it for all documents, each time anew. */
  #isTooLarge({ update }: LocalUpdate): boolean {
    const headers = 3 * this.#replica.document.length + 16
    return update.byteLength + headers > this.#limit
  }

  #refuseTooLarge(updates: readonly LocalUpdate[]): Promise<void> {
    const bytes = Math.max(...updates.map(({ update }) => update.byteLength))
    const message = `One edit takes ${bytes} bytes; the server takes messages of ${this.#limit}. Make it smaller.`
    return this.#replica.refuse(
      updates.map(({ id }) => id),
      { code: 'too_large', message },
    )
  }

  /** Connections may last for weeks, so it is not enough to do it at their beginning. */
  async #compactSometimes(stored: number): Promise<void> {
    this.#storedSince += stored
    if (this.#storedSince < COMPACT_AFTER) return
    this.#storedSince = 0
    await this.#replica.compact()
  }

  /** Fold and send until nothing waits or enough is on its way; or, where the server keeps us out, to the shelf. */
  async #pump(): Promise<void> {
    this.#pumpIsDue = false
    const { phase, denial } = this.#state
    if (phase === 'denied' && denial !== null) return this.#replica.shelve(denial)
    const connection = this.#connection
    while (this.#isOpen(connection) && this.#sent.bytes < MOST_IN_FLIGHT) {
      const update = await this.#replica.fold(this.#target)
      if (update === null) return
      if (this.#isTooLarge(update)) await this.#refuseTooLarge([update])
      else this.#send(update, connection)
    }
  }

  #send(update: LocalUpdate, connection: number): void {
    if (!this.#isOpen(connection)) return // it is stored, and comes back through `unconfirmed`
    this.#sent.add(update)
    this.#attachment.send(update)
    this.#readTimer ??= setTimeout(() => this.#askRead(), ASK_READ_AFTER_MS)
  }

  #askRead(): void {
    this.#readTimer = null
    const ids = this.#sent.unread()
    if (ids.length === 0) return
    this.#link.whenRead(() => {
      this.#sent.markRead(ids)
      this.#events.changed()
    })
  }

  #isOpen(connection: number): boolean {
    return this.#state.phase === 'live' && connection === this.#connection
  }

  /** Do one thing with the replica. Where that fails the storage is away, and all begins anew elsewhere. */
  async #do(job: () => Promise<void>): Promise<void> {
    try {
      await this.#serial.run(job)
    } catch (error) {
      this.#events.failed(error)
    }
  }

  #become(change: Partial<DocumentState>): void {
    this.#state = { ...this.#state, ...change }
    this.#events.changed()
  }
}
