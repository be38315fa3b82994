/** The last things that happened, the newest first. Pure but for the clock. */
import type { SyncStatus } from '../status.js'

export interface Line {
  readonly at: Date
  readonly text: string
}

const KEPT = 50

export class Log {
  lines: readonly Line[] = []
  #phase = ''

  add(text: string): void {
    this.lines = [{ at: new Date(), text }, ...this.lines].slice(0, KEPT)
  }

  /** Note a change of phase; counts change too often to be news. */
  status({ phase, blocked }: SyncStatus): void {
    const text = blocked ? `${phase}: ${blocked.hint}` : phase
    if (text === this.#phase) return
    this.#phase = text
    this.add(text)
  }
}
