/**
 * Three devices, each with tabs over one database, and a server, in one process and without a clock. A list of
 * actions says what happens next, so a run repeats exactly. A crash is thrown at a labelled step of engine or
 * capture, inside a transaction or between two; the tab's memory is dropped and it starts again from its database.
 */
import { expect } from 'vitest'
import type { RowEdit, Stored } from '../../src/contract.js'
import type { OpsRecord, ShelfRecord, UpdateRecord } from '../../src/storage/records.js'
import { Device, Full, totals } from './chaos-device.js'
import { TestServer } from './server.js'
import { settle, type Tab } from './tab.js'
import { readDisk } from './view.js'

export type Action =
  | { readonly kind: 'write'; readonly device: number; readonly what: Write; readonly key: number }
  | {
      readonly kind:
        | 'talk'
        | 'connect'
        | 'cut'
        | 'pump'
        | 'flush'
        | 'serve'
        | 'compact'
        | 'usurp'
        | 'repeat'
        | 'deny'
      readonly device: number
    }
  | { readonly kind: 'arm' | 'full'; readonly device: number; readonly steps: number }
  | { readonly kind: 'refuse'; readonly count: number }
  | { readonly kind: 'epoch' }

type Write = 'mark' | 'count' | 'add' | 'edit' | 'delete' | 'bulk' | 'batch' | 'rollback'

/** Rows that nobody deletes: what was confirmed for them must arrive, or lie on a shelf. */
const KEPT = ['k0', 'k1', 'k2']
const SHARED = ['s0', 's1', 's2', 's3']

export class Chaos {
  readonly server = new TestServer()
  readonly devices: Device[] = []
  /** The count that the server has last shown of each device: it must not go back to one that was confirmed. */
  readonly #counts = new Map<string, number>()
  #serial = 0

  static async start(run: string): Promise<Chaos> {
    const chaos = new Chaos()
    for (let index = 0; index < 3; index++) {
      const device = new Device(index, chaos.server, `chaos-${run}-${index}`)
      chaos.devices.push(device)
      await device.lead()
    }
    return chaos
  }

  async act(action: Action): Promise<void> {
    if (action.kind === 'epoch') return this.#changeEpoch()
    if (action.kind === 'refuse') return this.#refuse(action.count)
    const device = this.devices[action.device] as Device
    if (action.kind === 'arm') return device.arm(action.steps)
    if (action.kind === 'full') return device.arm(action.steps, Full)
    this.#serial += 1
    const tab = device.tabs[this.#serial % device.tabs.length] as Tab
    if (action.kind === 'write') await this.#write(device, tab, action.what, action.key)
    else if (action.kind === 'usurp') await this.#usurp(device)
    else if (action.kind === 'serve') await this.#serve(tab)
    else if (action.kind === 'cut') this.#cut(tab)
    else if (action.kind === 'repeat') this.#again(tab)
    else if (action.kind === 'deny') await this.#deny(device, tab)
    else if (action.kind === 'talk') await device.run(tab, () => this.#talk(tab))
    else if (action.kind === 'compact') await device.run(tab, () => this.#compact(tab))
    else await device.run(tab, () => tab[action.kind as 'connect' | 'pump' | 'flush']())
    await this.#check(device)
  }

  /** End the chaos, let everybody talk, and see that all is there, once, and the same everywhere. */
  async finish(): Promise<void> {
    for (const device of this.devices) {
      device.arm(Number.POSITIVE_INFINITY)
      for (const stale of device.tabs.slice(1)) await device.end(stale)
    }
    this.server.refuseNext(0)
    await settle(
      this.server,
      this.devices.map(({ leader }) => leader),
    )
    const rows = this.server.rows()
    for (const device of this.devices) {
      const { shown, expected } = await readDisk(device.leader.store)
      expect(shown, `rows of device ${device.index} and of the server`).toEqual(rows)
      expect(expected).toEqual(rows)
      expect((await device.leader.store.pending()).edits).toBe(0)
      await this.#checkConfirmed(device, rows)
    }
    totals.commits += this.server.commits
  }

  close(): void {
    for (const { tabs } of this.devices) for (const { store } of tabs) store.close()
  }

  async #write(device: Device, tab: Tab, what: Write, key: number): Promise<void> {
    const { db } = tab.store
    const cars = db.table<Record<string, unknown>, string>('cars')
    const serial = this.#serial
    const kept = key < 6 ? (KEPT[key % KEPT.length] as string) : `own${device.index}`
    const shared = SHARED[key % SHARED.length] as string
    const notes: [string, string, Stored][] = []
    const mark = async (id: string, field: string, value: Stored) => {
      await cars.upsert(id, { [field]: value })
      notes.push([id, field, value])
    }
    const work = async () => {
      if (what === 'mark') await mark(kept, `w${serial}`, 1)
      else if (what === 'count') await mark(kept, `count${device.index}`, ++device.counter)
      else if (what === 'add') await cars.put({ id: `${shared}`, n: serial })
      else if (what === 'edit') await cars.update(shared, { n: serial, [`e${device.index}`]: serial })
      else if (what === 'delete') await cars.delete(shared)
      else if (what === 'bulk') {
        const rows = Array.from({ length: 12 }, (_, i) => ({
          id: `b${serial}-${i}`,
          n: i,
          name: 'some name',
        }))
        await cars.bulkAdd(rows)
        for (const { id, n } of rows) notes.push([id, 'n', n])
      } else {
        await db.transaction('rw', 'cars', async () => {
          await mark(kept, `w${serial}`, 1)
          await cars.put({ id: shared, n: -serial })
          if (what === 'rollback') throw new RangeError('changed my mind')
          await mark(KEPT[(key + 1) % KEPT.length] as string, `v${serial}`, 2)
        })
      }
    }
    const isDone = await device.run(tab, () =>
      work().catch((error: unknown) => {
        if (!(error instanceof RangeError)) throw error
        notes.length = 0
      }),
    )
    if (isDone) for (const [id, field, value] of notes) device.confirmed.set(`${id}/${field}`, value)
  }

  async #usurp(device: Device): Promise<void> {
    if (device.tabs.length > 2) return
    totals.leaders += 1
    await device.lead()
  }

  async #serve(tab: Tab): Promise<void> {
    if (tab.link?.isOpen) this.server.serve(tab.link)
    const rows = this.server.rows()
    for (const id of KEPT) {
      for (const device of this.devices) {
        const field = `count${device.index}`
        const count = rows[id]?.[field] as number | undefined
        if (count === undefined) continue
        const name = `${id}/${device.index}`
        const before = this.#counts.get(name) ?? 0
        // After a change of epoch a device makes all edits again that it does not know to be durable, oldest first.
        if (count < before) {
          const again = (await unconfirmed(device.leader)).filter(({ k }) => k === id)
          expect(
            again.map(({ set }) => set?.[field]),
            `what ${name} may show again`,
          ).toContain(count)
        }
        this.#counts.set(name, count)
      }
    }
  }

  #cut(tab: Tab): void {
    if (tab.link) totals.cuts += 1
    tab.cut()
  }

  /** What the network delivers a second time. */
  #again(tab: Tab): void {
    tab.link?.down.push(...tab.link.down.filter((message) => message.kind === 'updates' && !message.first))
  }

  /** Some rounds of everything. */
  async #talk(tab: Tab): Promise<void> {
    await tab.connect()
    for (let round = 0; round < 3; round++) {
      await tab.pump()
      await tab.flush()
      await this.#serve(tab)
    }
  }

  async #compact(tab: Tab): Promise<void> {
    const count = () => tab.store.db.table('$updates').count()
    const before = await count()
    await tab.replica.compact()
    if ((await count()) < before) totals.compactions += 1
  }

  /** The server puts a device out of its document. */
  async #deny(device: Device, tab: Tab): Promise<void> {
    totals.denied += 1
    this.#counts.clear()
    this.#cut(tab)
    await device.run(tab, () => tab.replica.shelve({ code: 'not_allowed', message: 'No.' }))
  }

  #refuse(count: number): void {
    totals.refused += count
    // A refused row may come again without the counts that it had.
    this.#counts.clear()
    this.server.refuseNext(count)
  }

  /**
   * The one loss that is known: two devices create a row within one round trip, and the epoch changes before the
   * loser hears of it. Its update was durable, so it has nothing left to repair from. Counted, and not expected.
   */
  async #changeEpoch(): Promise<void> {
    totals.epochs += 1
    const rows = this.server.rows()
    for (const { leader, confirmed } of this.devices) {
      const shelf = (await leader.store.db.table<ShelfRecord>('$shelf').toArray()).map(({ e }) => e)
      const edits = [...(await unconfirmed(leader)), ...shelf]
      for (const [path, value] of confirmed) {
        const [id = '', field = ''] = path.split('/')
        const isHeld = edits.some(({ k, set }) => k === id && set?.[field] === value)
        if (!KEPT.includes(id) || isHeld || rows[id]?.[field] === value) continue
        confirmed.delete(path)
        totals.unrepaired += 1
      }
    }
    this.server.changeEpoch()
  }

  async #check(device: Device): Promise<void> {
    const { store } = device.leader
    const { shown, expected } = await readDisk(store)
    if (expected) expect(shown, `rows = document ⊕ edits on device ${device.index}`).toEqual(expected)
    if ((await store.pending()).edits > 0) return
    // Rows that two devices create at once may lack fields until the loser has heard of it and repaired them.
    await this.#checkConfirmed(device, this.server.rows(), (id) => !KEPT.includes(id))
  }

  /** Everything that was confirmed is on the server or on the shelf. */
  async #checkConfirmed(
    device: Device,
    rows: Record<string, Record<string, unknown>>,
    isMeant: (id: string) => boolean = () => true,
  ): Promise<void> {
    const shelf = await device.leader.store.db.table<ShelfRecord>('$shelf').toArray()
    for (const [path, value] of device.confirmed) {
      const [id = '', field = ''] = path.split('/')
      if (!isMeant(id)) continue
      const isShelved = shelf.some(({ e }) => e.k === id && e.set?.[field] === value)
      if (!isShelved) expect(rows[id]?.[field], `${path} of device ${device.index}`).toBe(value)
    }
  }
}

/** The edits that a device does not know to be durable. */
async function unconfirmed({ store: { db } }: Tab): Promise<RowEdit[]> {
  const waiting = (await db.table<OpsRecord>('$ops').toArray()).flatMap(({ l }) => l)
  const local = (await db.table<UpdateRecord>('$updates').toArray()).flatMap(({ ops }) => ops ?? [])
  return [...waiting, ...local]
}
