/**
 * The documents on the link, by name. One that is attached again while the one before has not quite left waits until
 * it has. In: channels that come and leave. Out: which of them has its place now. Knows no socket.
 */
import type { DocumentChannel } from './document-channel.js'

export class Channels {
  readonly #present = new Map<string, DocumentChannel>()
  readonly #successors = new Map<string, DocumentChannel>()

  constructor(
    /** A channel has its place from now on; null: one has left, and nobody waited for its place. */
    private readonly changed: (entered: DocumentChannel | null) => void,
  ) {}

  get size(): number {
    return this.#present.size
  }

  get(document: string): DocumentChannel | undefined {
    return this.#present.get(document)
  }

  /** Those of this moment: they may leave while somebody goes through them. */
  all(): DocumentChannel[] {
    return [...this.#present.values()]
  }

  /** Throws for a document that is attached and not detached. */
  requireFree(document: string): void {
    if (this.#successors.has(document) || this.#present.get(document)?.detached === false) {
      throw new Error(`document '${document}' is attached already; detach it first`)
    }
  }

  add(channel: DocumentChannel): void {
    if (this.#present.has(channel.document)) this.#successors.set(channel.document, channel)
    else this.#enter(channel)
  }

  remove(channel: DocumentChannel): void {
    const { document } = channel
    if (this.#successors.get(document) === channel) this.#successors.delete(document)
    if (this.#present.get(document) !== channel) return
    this.#present.delete(document)
    const successor = this.#successors.get(document)
    this.#successors.delete(document)
    if (successor) this.#enter(successor)
    else this.changed(null)
  }

  #enter(channel: DocumentChannel): void {
    this.#present.set(channel.document, channel)
    this.changed(channel)
  }
}
