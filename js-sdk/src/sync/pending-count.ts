/**
 * Keeps the board's numbers of what is not durable, of the shelf, and of what is lost. In: the news that something has
 * changed. Counts soon, and never twice at the same time: a count would hold up the next of many writes. A write is
 * shown before it is counted: who has just written must never read that nothing is pending.
 */
import type { StatusBoard } from '../status.js'
import type { Pending } from '../storage/pending.js'

export interface Counted {
  pending(): Promise<Pending>
  shelved(): Promise<number>
  /** How many positions were lost before they could be sent. */
  dropped(): Promise<number>
}

/** Changes within this time are counted together. */
const DELAY_MS = 50

export class PendingCount {
  #timer: ReturnType<typeof setTimeout> | null = null
  #counting = false
  #again = false
  #stopped = false
  /** 1: something was written that a count which has begun may not have seen. */
  #least = 0

  constructor(
    private readonly store: Counted,
    private readonly board: StatusBoard,
    private readonly failed: (error: unknown) => void,
    /** Where counting costs nothing there is nothing to wait for. */
    private readonly delayMs = DELAY_MS,
  ) {}

  /** Something was written on this device: told at once, before it is counted. */
  wrote(): void {
    if (this.#stopped) return
    this.#least = 1
    const { pending, oldestPendingAt } = this.board.status
    if (pending === 0) this.board.update({ pending: 1, oldestPendingAt: oldestPendingAt ?? new Date() })
    this.refresh()
  }

  refresh(): void {
    if (this.#stopped) return
    this.#timer ??= setTimeout(() => this.#count(), this.delayMs)
  }

  /** Count at once; resolves when the board shows it. */
  now(): Promise<void> {
    return this.#read()
  }

  #count(): void {
    this.#timer = null
    if (this.#counting) {
      this.#again = true
      return
    }
    this.#counting = true
    this.#least = 0
    this.#read().finally(() => {
      this.#counting = false
      const isDue = this.#again && !this.#stopped
      this.#again = false
      if (isDue) this.refresh()
    })
  }

  #read(): Promise<void> {
    return Promise.all([this.store.pending(), this.store.shelved(), this.store.dropped()]).then(
      ([pending, rejected, dropped]) => this.#show(pending, { rejected, dropped }),
      (error) => {
        if (!this.#stopped) this.failed(error)
      },
    )
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #show({ edits, oldestAt }: Pending, others: { rejected: number; dropped: number }): void {
    if (this.#stopped) return
    const pending = Math.max(edits, this.#least)
    const known = pending > edits ? this.board.status.oldestPendingAt : null
    this.board.update({ pending, oldestPendingAt: oldestAt === null ? known : new Date(oldestAt), ...others })
  }
}
