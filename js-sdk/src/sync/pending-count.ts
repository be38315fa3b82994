/**
 * Keeps the board's numbers of what is not durable, and of the shelf. In: the news that something has changed.
 * Counts at once, and never twice at the same time.
 */
import type { StatusBoard } from '../status.js'
import type { Pending } from '../storage/pending.js'

export interface Counted {
  pending(): Promise<Pending>
  shelved(): Promise<number>
}

export class PendingCount {
  #counting = false
  #again = false
  #stopped = false

  constructor(
    private readonly store: Counted,
    private readonly board: StatusBoard,
    private readonly failed: (error: unknown) => void,
  ) {}

  refresh(): void {
    if (this.#counting) {
      this.#again = true
      return
    }
    this.#counting = true
    Promise.all([this.store.pending(), this.store.shelved()])
      .then(([{ edits, oldestAt }, rejected]) => {
        const oldestPendingAt = oldestAt === null ? null : new Date(oldestAt)
        this.board.update({ pending: edits, oldestPendingAt, rejected })
      }, this.failed)
      .finally(() => {
        this.#counting = false
        if (this.#again && !this.#stopped) this.refresh()
        this.#again = false
      })
  }

  stop(): void {
    this.#stopped = true
  }
}
