/**
 * A device whose power goes at any byte. A list of actions says what happens; a cut leaves the file with any part of
 * what was being written, or with garbage in its place. At the end all that was confirmed is on the server, once.
 */
import { open, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as Y from 'yjs'
import { decodeChunk } from '../../src/layout/chunk.js'
import { DeviceTable } from '../../src/node/device-table.js'
import { NodeStore } from '../../src/node/node-store.js'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import { TrackStore } from '../../src/positions/track-store.js'
import { SEED } from '../support/seed.js'
import { TestServer } from '../support/server.js'
import { settle, Tab } from '../support/tab.js'
import { newDirectory } from './directory.js'

const RUNS = Number(process.env['CHAOS_RUNS'] ?? 15)
const STEPS = Number(process.env['CHAOS_STEPS'] ?? 60)

const DAY = Date.UTC(2026, 10, 26)
const ROWS = ['k0', 'k1', 'k2']

type Write = 'add' | 'mark' | 'count' | 'delete' | 'record' | 'fold'
type Action =
  | { readonly kind: 'write'; readonly what: Write; readonly row: number }
  | { readonly kind: 'talk' | 'cut-line' | 'restart' }
  | { readonly kind: 'power'; readonly what: Write; readonly at: number; readonly garbage: boolean }

const what = fc.constantFrom<Write>('add', 'mark', 'count', 'delete', 'record', 'fold')
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('write' as const), what, row: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('talk', 'talk', 'cut-line', 'restart') }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('power' as const),
      what,
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      garbage: fc.boolean(),
    }),
  },
)

const totals = { cuts: 0, torn: 0, rewrites: 0 }

class Device {
  readonly server = new TestServer()
  readonly tracks = new Map<string, TestServer>()
  readonly confirmed = new Map<string, number>()
  readonly added = new Set<string>()
  readonly fixes = new Map<number, number>()
  #store: NodeStore | null = null
  #cars: DeviceTable | null = null
  #tab: Tab<NodeStore> | null = null
  #serial = 0

  constructor(readonly directory: string) {}

  get store(): NodeStore {
    if (this.#store === null) throw new Error('the device is off')
    return this.#store
  }

  async start(): Promise<void> {
    const options = { directory: this.directory, now: () => 1, compactFrom: 4, rewriteFromBytes: 4000 }
    const store = await NodeStore.open(options)
    const [spec] = await store.use({ cars: 'id, n' })
    if (!spec) throw new Error('no table')
    this.#store = store
    this.#cars = new DeviceTable(spec, { transact: store.transact.bind(store), now: () => 1 })
    this.#tab = new Tab(store, this.server)
  }

  async stop(): Promise<void> {
    this.#tab?.cut()
    await this.store.close()
    this.#store = null
  }

  async act(action: Action): Promise<void> {
    if (action.kind === 'write') (await this.#write(action.what, action.row))()
    else if (action.kind === 'talk') await this.talk()
    else if (action.kind === 'cut-line') this.#tab?.cut()
    else if (action.kind === 'power') await this.#lose(action)
    else {
      await this.stop()
      await this.start()
    }
  }

  /** Some rounds with the server, so that things are on their way when the power goes. */
  async talk(): Promise<void> {
    await this.#tab?.connect()
    for (let round = 0; round < 3; round++) {
      await this.#tab?.pump()
      await this.#tab?.flush()
      if (this.#tab?.link) this.server.serve(this.#tab.link)
    }
  }

  /** Let everybody talk until nothing is left, and compare. */
  async finish(): Promise<void> {
    await settle(this.server, [this.#tab as Tab<NodeStore>])
    await this.#sendTracks()
    expect((await this.store.pending()).edits).toBe(0)
    const rows = this.server.rows()
    for (const [path, value] of this.confirmed) {
      const [row = '', field = ''] = path.split('/')
      // A write that was stored without having been confirmed may have raised it further.
      expect(rows[row]?.[field], path).toBeGreaterThanOrEqual(value)
    }
    for (const id of this.added) expect(rows).toHaveProperty([id])
    const shown = (await (this.#cars as DeviceTable).toArray()).map(({ id, ...fields }) => [id, fields])
    expect(Object.fromEntries(shown)).toEqual(rows)
    const found = [...this.tracks.values()].flatMap((server) =>
      server.doc.getArray<Uint8Array>('chunks').toArray().flatMap(decodeChunk),
    )
    const sequences = found.map(({ sequence }) => sequence).sort((one, other) => one - other)
    // Each once and without a gap; one that was stored without having been confirmed may be among them.
    expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    for (const [at, latitude] of this.fixes)
      expect(found.filter(({ fixTimeMs }) => fixTimeMs === at).map((fix) => fix.latitude)).toEqual([latitude])
  }

  /** Do something; the result says that it is confirmed. */
  async #write(what: Write, row: number): Promise<() => void> {
    const cars = this.#cars as DeviceTable
    const serial = ++this.#serial
    const key = ROWS[row] as string
    if (what === 'add') {
      await cars.add({ id: `a${serial}`, n: serial })
      return () => this.added.add(`a${serial}`)
    }
    if (what === 'delete') {
      const id = [...this.added][0] ?? 'none'
      this.added.delete(id) // it may be gone or not, until the delete is confirmed
      await cars.delete(id)
      return () => undefined
    }
    if (what === 'record') {
      const at = DAY + serial * 1000
      await this.#record(at, serial / 1000)
      return () => this.fixes.set(at, serial / 1000)
    }
    if (what === 'fold') {
      this.#tab?.cut() // what is folded now has not been sent when the power goes
      await this.store.replica('cars').fold(400)
      return () => undefined
    }
    const field = what === 'count' ? 'count' : `w${serial}`
    if ((await cars.update(key, { [field]: serial })) === 0) await cars.add({ id: key, [field]: serial })
    return () => this.confirmed.set(`${key}/${field}`, serial)
  }

  #record(at: number, latitude: number): Promise<void> {
    const fix = prepareFix('device', { vehicleId: 'bus', at, latitude, longitude: 0 }, at)
    return this.store.transact((tx) => addFix(tx, fix))
  }

  /** The power goes while something is written: of that the file has any part, or garbage. */
  async #lose({ what, at, garbage }: Extract<Action, { kind: 'power' }>): Promise<void> {
    totals.cuts++
    const path = join(this.directory, 'device.log')
    const { ino, size: before } = await stat(path)
    await this.#write(what, 0)
    await this.stop()
    const after = await stat(path)
    if (after.ino !== ino) {
      totals.rewrites++ // the file was written anew, and that was whole before it took the name
    } else if (after.size > before) {
      const cut = before + Math.floor(at * (after.size - before))
      if (cut < after.size) totals.torn++
      if (garbage) await spoil(path, cut, after.size)
      else await truncate(path, cut)
    }
    await this.start()
  }

  async #sendTracks(): Promise<void> {
    const tracks = new TrackStore(this.store.shell)
    for (const name of await tracks.waiting()) {
      const server = this.tracks.get(name) ?? new TestServer()
      this.tracks.set(name, server)
      const replica = tracks.replica(name)
      for (let update = await replica.fold(500); update; update = await replica.fold(500)) {
        Y.applyUpdate(server.doc, update.update)
        await replica.durable([update.id])
      }
    }
  }
}

async function spoil(path: string, from: number, to: number): Promise<void> {
  const bytes = (await readFile(path)).subarray(from, to).map((byte, index) => byte ^ (index + 1))
  const handle = await open(path, 'r+')
  await handle.write(bytes, 0, bytes.length, from)
  await handle.close()
}

it(`loses and doubles nothing when the power goes at any byte (seed ${SEED})`, {
  timeout: 600_000,
}, async () => {
  const actions = fc.array(action, { minLength: STEPS, maxLength: STEPS, size: 'max' })
  const property = fc.asyncProperty(actions, async (actions) => {
    const device = new Device(await newDirectory())
    await device.start()
    try {
      for (const action of actions) await device.act(action)
      await device.finish()
    } finally {
      await device.stop()
    }
  })
  // A seed in which the power never goes during the rarer of the two has not tried it: the next one goes on.
  for (let seed = SEED; seed < SEED + 10; seed++) {
    await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: true })
    if (totals.torn > 0 && totals.rewrites > 0) break
  }
  expect(totals.torn).toBeGreaterThan(0)
  expect(totals.rewrites).toBeGreaterThan(0)
  console.log('power', totals)
})
