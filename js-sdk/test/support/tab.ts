/** One tab that leads: a store, its replica, and the smallest synchronizer that keeps to the contract. */
import type { LocalUpdate, Replica } from '../../src/contract.js'
import type { DeviceStore } from '../../src/storage/device-store.js'
import type { TestLink, TestServer } from './server.js'

/** `Store`: anything that has replicas. */
export class Tab<Store extends { replica(table: string): Replica } = DeviceStore> {
  link: TestLink | null = null
  #sent: number[] = []
  #isSynced = false
  #hasVector = false

  constructor(
    readonly store: Store,
    readonly server: TestServer,
    readonly maxBytes = 400,
  ) {}

  get replica(): Replica {
    return this.store.replica('cars')
  }

  async connect(): Promise<void> {
    if (this.link?.isOpen) return
    const { epoch, stateVector } = await this.replica.hello()
    this.#sent = []
    this.#isSynced = this.#hasVector = false
    this.link = this.server.connect(epoch, stateVector)
  }

  cut(): void {
    this.link?.cut()
    this.link = null
  }

  /** Handle the next message of the server. Returns whether there was one. */
  async pump(): Promise<boolean> {
    const message = this.link?.isOpen ? this.link.down.shift() : undefined
    if (!message) return false
    if (message.kind === 'opened') {
      await this.replica.adopt(message.epoch)
    } else if (message.kind === 'updates') {
      await this.replica.receive(message.updates)
      this.#isSynced ||= message.first
    } else if (message.kind === 'serverHas') {
      for (const update of await this.replica.unconfirmed(message.stateVector)) this.#send(update)
      this.#hasVector = true
    } else {
      const id = this.#sent.shift() as number
      if (message.taken) await this.replica.durable([id])
      else await this.replica.refuse([id], { code: 'not_allowed', message: 'No.' })
    }
    return true
  }

  /** Fold what waits and send it. Returns whether anything was sent. */
  async flush(): Promise<boolean> {
    if (!this.link?.isOpen || !this.#isSynced || !this.#hasVector) return false
    const update = await this.replica.fold(this.maxBytes)
    if (update) this.#send(update)
    return update !== null
  }

  #send(update: LocalUpdate): void {
    this.#sent.push(update.id)
    this.link?.send(update)
  }
}

/** Let everybody talk until nobody has anything to say. */
export async function settle(
  server: TestServer,
  tabs: readonly Tab<{ replica(table: string): Replica }>[],
): Promise<void> {
  for (let busy = true; busy; ) {
    busy = false
    for (const tab of tabs) {
      if (!tab.link?.isOpen) await tab.connect()
      while (await tab.pump()) busy = true
      while (await tab.flush()) busy = true
      while (tab.link && server.serve(tab.link)) busy = true
    }
  }
}
