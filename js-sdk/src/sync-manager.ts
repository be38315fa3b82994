/**
 * `client.syncManager`: the state of saving and connecting, and the shelf of edits that the server refused.
 * A view of the board; owns nothing.
 */

import type { RejectedEdit } from './engine/rejected.js'
import type { StatusBoard, SyncStatus } from './status.js'
import type { DeviceStore } from './storage/device-store.js'

export class SyncManager implements SyncStatus {
  readonly #board: StatusBoard
  readonly #store: DeviceStore
  readonly #retryNow: () => void

  constructor(board: StatusBoard, store: DeviceStore, retryNow: () => void) {
    this.#board = board
    this.#store = store
    this.#retryNow = retryNow
  }

  get phase() {
    return this.#board.status.phase
  }
  get connected() {
    return this.#board.status.connected
  }
  get synced() {
    return this.#board.status.synced
  }
  get pending() {
    return this.#board.status.pending
  }
  get received() {
    return this.#board.status.received
  }
  get oldestPendingAt() {
    return this.#board.status.oldestPendingAt
  }
  get lastDurableAt() {
    return this.#board.status.lastDurableAt
  }
  get rejected() {
    return this.#board.status.rejected
  }
  get dropped() {
    return this.#board.status.dropped
  }
  get readOnly() {
    return this.#board.status.readOnly
  }
  get blocked() {
    return this.#board.status.blocked
  }
  get leader() {
    return this.#board.status.leader
  }
  get storage() {
    return this.#board.status.storage
  }

  /** All of it at one moment; the same object until something in it changes. */
  readonly getSnapshot = (): SyncStatus => this.#board.status

  /** Call `listener` after each change, until the returned function is called. */
  readonly subscribe = (listener: (status: SyncStatus) => void): (() => void) =>
    this.#board.subscribe(listener)

  /** Connect now instead of after the pause, and ask again where something was refused. */
  retryNow(): void {
    this.#retryNow()
  }

  /** Edits that will not be saved by themselves: what they were, and why. */
  rejectedEdits(): Promise<RejectedEdit[]> {
    return this.#store.rejectedEdits()
  }

  /** Forget edits of the shelf. */
  discard(ids: readonly number[]): Promise<void> {
    return this.#store.discard(ids)
  }

  /** Write edits of the shelf once more, as if the app did it now. */
  retry(ids: readonly number[]): Promise<void> {
    return this.#store.retry(ids)
  }
}
