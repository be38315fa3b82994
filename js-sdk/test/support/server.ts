/**
 * A sync server in this process: for each document a durable log, acknowledgements by position after the commit,
 * broadcasts, epochs. Nothing moves by itself: a test says who is served next, so a run can be repeated.
 */
import * as Y from 'yjs'
import type { LocalUpdate } from '../../src/contract.js'

export type Downstream =
  | { readonly kind: 'opened'; readonly epoch: string }
  | { readonly kind: 'serverHas'; readonly stateVector: Uint8Array }
  | { readonly kind: 'updates'; readonly updates: readonly Uint8Array[]; readonly first: boolean }
  | { readonly kind: 'status'; readonly taken: boolean }

export class TestLink {
  readonly up: LocalUpdate[] = []
  readonly down: Downstream[] = []
  isOpen = true
  constructor(readonly server: TestServer) {}

  send(update: LocalUpdate): void {
    if (this.isOpen) this.up.push(update)
  }

  cut(): void {
    this.isOpen = false
    this.up.length = this.down.length = 0
    this.server.links.delete(this)
  }
}

export class TestServer {
  readonly links = new Set<TestLink>()
  doc = new Y.Doc()
  epoch = 'epoch-0'
  commits = 0
  #log: Uint8Array[] = []
  #refusals = 0

  /** A client comes with what it has; null: its epoch is another one, it gets everything. */
  connect(epoch: string | null, stateVector: Uint8Array): TestLink {
    const link = new TestLink(this)
    this.links.add(link)
    const isOther = epoch !== null && epoch !== this.epoch
    const diff = Y.encodeStateAsUpdate(this.doc, isOther ? undefined : stateVector)
    link.down.push({ kind: 'opened', epoch: this.epoch })
    link.down.push({ kind: 'updates', updates: [diff], first: true })
    link.down.push({ kind: 'serverHas', stateVector: Y.encodeStateVector(this.doc) })
    return link
  }

  /** Take the next update of this client. Returns whether there was one. */
  serve(link: TestLink): boolean {
    const next = link.up.shift()
    if (!next) return false
    // What it has already is acknowledged, also to somebody who may no longer write.
    const isKnown = this.#log.some((update) => Buffer.compare(update, next.update) === 0)
    if (this.#refusals > 0 && !isKnown) {
      this.#refusals -= 1
      link.down.push({ kind: 'status', taken: false })
      return true
    }
    this.#log.push(next.update)
    this.commits += 1
    Y.applyUpdate(this.doc, next.update)
    link.down.push({ kind: 'status', taken: true })
    for (const other of this.links) {
      if (other !== link) other.down.push({ kind: 'updates', updates: [next.update], first: false })
    }
    return true
  }

  /** Refuse the next updates, of whomever. */
  refuseNext(count: number): void {
    this.#refusals = count
  }

  /** Start the document anew with the same rows: everybody is put out, and no old update fits any more. */
  changeEpoch(): void {
    const rows = this.doc.getMap('rows').toJSON() as Record<string, Record<string, unknown>>
    this.doc = new Y.Doc()
    this.doc.transact(() => {
      for (const [key, fields] of Object.entries(rows)) {
        this.doc.getMap('rows').set(key, new Y.Map(Object.entries(fields)))
      }
    })
    this.#log = [Y.encodeStateAsUpdate(this.doc)]
    this.epoch = `epoch-${Number(this.epoch.split('-')[1]) + 1}`
    this.cutAll()
  }

  /** Come back from a backup that lacks the newest commits. */
  restoreWithout(count: number): void {
    this.#log = this.#log.slice(0, Math.max(0, this.#log.length - count))
    this.doc = new Y.Doc()
    for (const update of this.#log) Y.applyUpdate(this.doc, update)
    this.cutAll()
  }

  cutAll(): void {
    for (const link of [...this.links]) link.cut()
  }

  rows(): Record<string, Record<string, unknown>> {
    return this.doc.getMap('rows').toJSON() as Record<string, Record<string, unknown>>
  }
}
