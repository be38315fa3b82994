/** The updates of one document that are on their way: what has arrived, and what the server has read. Pure. */
import type { LocalUpdate } from '../contract.js'

export class SentUpdates {
  readonly #sent = new Map<number, LocalUpdate>()
  /** Ids of those that the server has read. */
  readonly #read = new Set<number>()
  #bytes = 0

  /** Bytes on their way. */
  get bytes(): number {
    return this.#bytes
  }

  /** Edits that the server has read, and whose end is not known yet. */
  get received(): number {
    let edits = 0
    for (const id of this.#read) edits += this.#sent.get(id)?.edits ?? 0
    return edits
  }

  has(id: number): boolean {
    return this.#sent.has(id)
  }

  add(update: LocalUpdate): void {
    this.#sent.set(update.id, update)
    this.#bytes += update.update.byteLength
  }

  /** Ids of those that the server is not known to have read. */
  unread(): number[] {
    return [...this.#sent.keys()].filter((id) => !this.#read.has(id))
  }

  /** The server has read these; those that have come to their end meanwhile don't count. */
  markRead(ids: readonly number[]): void {
    for (const id of ids) if (this.#sent.has(id)) this.#read.add(id)
  }

  /** These have come to their end; returns how many edits they carried. */
  arrived(ids: readonly number[]): number {
    let edits = 0
    for (const id of ids) {
      const update = this.#sent.get(id)
      if (!update) continue
      this.#sent.delete(id)
      this.#read.delete(id)
      this.#bytes -= update.update.byteLength
      edits += update.edits
    }
    return edits
  }

  clear(): void {
    this.#sent.clear()
    this.#read.clear()
    this.#bytes = 0
  }
}
