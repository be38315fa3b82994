/**
 * Calls a document's handler, one call after another: what arrives while a call runs waits, and what belongs
 * together is handed over together, so that a slow device stores fifty updates in one transaction instead of
 * fifty. Knows no frames and no time.
 */
import type { DocumentHandler } from '../contract.js'

type Entry =
  | { readonly kind: 'call'; readonly call: () => unknown }
  | { readonly kind: 'updates'; readonly updates: Uint8Array[]; first: boolean }
  | { readonly kind: 'durable'; readonly ids: number[] }

/**
 * Invariants: 1. Calls begin in the order in which they were put, and never overlap. 2. After a call has
 * failed, those that waited are forgotten, and `failed` is told. 3. After `close` no call begins.
 */
export class HandlerQueue {
  #waiting: Entry[] = []
  #running = false
  #closed = false

  constructor(
    private readonly handler: DocumentHandler,
    private readonly failed: (error: unknown) => void,
  ) {}

  call(call: () => unknown): void {
    this.#put({ kind: 'call', call })
  }

  update(update: Uint8Array, answer: boolean): void {
    const last = this.#waiting.at(-1)
    if (last?.kind === 'updates') {
      last.updates.push(update)
      last.first ||= answer
    } else this.#put({ kind: 'updates', updates: [update], first: answer })
  }

  durable(id: number): void {
    const last = this.#waiting.at(-1)
    if (last?.kind === 'durable') last.ids.push(id)
    else this.#put({ kind: 'durable', ids: [id] })
  }

  close(): void {
    this.#closed = true
    this.#waiting = []
  }

  #put(entry: Entry): void {
    if (this.#closed) return
    this.#waiting.push(entry)
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    // What is put in the same turn as the first entry still joins it.
    await null
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) {
      try {
        await this.#begin(entry)
      } catch (error) {
        this.#waiting = []
        if (!this.#closed) this.failed(error)
      }
    }
    this.#running = false
  }

  async #begin(entry: Entry): Promise<void> {
    if (entry.kind === 'call') await entry.call()
    else if (entry.kind === 'durable') await this.handler.durable(entry.ids)
    else await this.handler.updates(entry.updates, entry.first)
  }
}
