/** One device of the chaos test: tabs over one database, of which the first leads, and what it was promised. */
import { IDBFactory } from 'fake-indexeddb'
import type { Stored } from '../../src/contract.js'
import { NotLeading } from '../../src/errors.js'
import { newStore } from './device.js'
import type { TestServer } from './server.js'
import { Tab } from './tab.js'

export const totals = {
  crashes: 0,
  aborts: 0,
  unrepaired: 0,
  cuts: 0,
  leaders: 0,
  fenced: 0,
  compactions: 0,
  refused: 0,
  denied: 0,
  epochs: 0,
  commits: 0,
}

class Crash extends Error {}
/** The transaction is aborted and the tab lives on: the disk is full, the database was closed. */
export class Full extends Error {}

export class Device {
  readonly #indexedDB = new IDBFactory()
  readonly #name: string
  tabs: Tab[] = []
  /** Fields that this device was told are stored: row, field, value. */
  readonly confirmed = new Map<string, Stored>()
  #untilCrash = Number.POSITIVE_INFINITY
  #failure = Crash
  counter = 0

  constructor(
    readonly index: number,
    readonly server: TestServer,
    name: string,
  ) {
    this.#name = name
  }

  get leader(): Tab {
    return this.tabs[0] as Tab
  }

  async lead(): Promise<void> {
    const crash = () => {
      if (--this.#untilCrash > 0) return
      this.#untilCrash = Number.POSITIVE_INFINITY
      throw new this.#failure('at a labelled step')
    }
    const store = newStore({
      indexedDB: this.#indexedDB,
      name: this.#name,
      crash,
      now: () => 1,
      compactFrom: 4,
    })
    await store.open({ cars: 'id, n' })
    await store.lead()
    this.tabs.unshift(new Tab(store, this.server))
  }

  arm(steps: number, failure = Crash): void {
    this.#untilCrash = steps
    this.#failure = failure
  }

  /** Do something in a tab; a crash ends that tab, and a new one takes its place if it led. */
  async run(tab: Tab, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (error instanceof Full) {
        // What the server said is not stored: it must be asked again.
        totals.aborts += 1
        tab.cut()
        return false
      }
      const isCrash = error instanceof Crash
      const isFenced = error instanceof NotLeading && tab !== this.leader
      if (!isCrash && !isFenced) throw error
      if (isCrash) totals.crashes += 1
      else totals.fenced += 1
      await this.end(tab)
      return false
    }
  }

  async end(tab: Tab): Promise<void> {
    const led = tab === this.leader
    tab.cut()
    tab.store.close()
    this.tabs = this.tabs.filter((other) => other !== tab)
    if (led) await this.lead()
  }
}
