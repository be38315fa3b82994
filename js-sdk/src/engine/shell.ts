/** What the engine is given to work with: transactions that are fenced, and a way to say what happened. Types only. */
import type { WebHostError } from '../errors.js'
import type { ShelfRecord } from '../storage/records.js'
import type { Stores } from './stores.js'

/** Rows that two devices gave the same value of an index which allows it once. Both rows are kept. */
export interface ConflictEvent {
  readonly table: string
  readonly index: string
  readonly value: unknown
  readonly keys: readonly unknown[]
}

/** What came up during a transaction, to be told once it has committed. */
export interface Findings {
  readonly conflicts: ConflictEvent[]
  readonly shelved: ShelfRecord[]
  readonly problems: WebHostError[]
  /** Ids of local updates that came to be without anybody asking for one. */
  readonly unsent: number[]
}

export interface EngineShell {
  /**
   * One read-write transaction over these stores that captures no edits. Throws `NotLeading` where another tab
   * leads; whatever throws inside rolls everything back.
   */
  transact<T>(stores: readonly string[], work: (tx: Stores) => Promise<T>): Promise<T>
  /** One read-only transaction, by whoever wants to look. */
  read<T>(stores: readonly string[], work: (tx: Stores) => Promise<T>): Promise<T>
  /** After a failure: bring back a connection that has died. False: that was not the reason. */
  revive(error: unknown): Promise<boolean>
  /** Tests let a device die here. */
  crash(label: string): void
  now(): number
  /** How many durable updates of a document are worth a snapshot. */
  readonly compactFrom: number
  report(findings: Findings): void
}
