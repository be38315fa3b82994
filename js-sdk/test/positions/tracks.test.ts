/** Tracks on their way to the server: one stay and one client id for a drive, and little kept of what is durable. */
import { describe, expect, it, onTestFinished } from 'vitest'
import * as Y from 'yjs'
import { decodeChunk } from '../../src/layout/chunk.js'
import { WebHostDevice } from '../../src/node/device.js'
import { NodeStore } from '../../src/node/node-store.js'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import { TrackStore } from '../../src/positions/track-store.js'
import { newDirectory } from '../node/directory.js'
import { SyncServer } from '../wire/sync-server.js'

const DAY_MS = 86_400_000

async function newDevice(server: SyncServer): Promise<WebHostDevice> {
  const apiKey = `whs_test_${'0'.repeat(64)}`
  const device = new WebHostDevice({ apiUrl: server.apiUrl, apiKey, dataDir: await newDirectory() })
  onTestFinished(() => device.close())
  await device.connect({ vehicles: 'id' }, { requireOnline: true })
  return device
}

async function newServer(): Promise<SyncServer> {
  const server = await new SyncServer().start()
  onTestFinished(() => server.stop())
  return server
}

describe('a track', () => {
  it('stays with the server between two fixes, and writes under one client id', async () => {
    const server = await newServer()
    const device = await newDevice(server)
    for (let n = 1; n <= 5; n++) {
      await device.positions.record({ vehicleId: 'bus', at: n * 1000, latitude: n, longitude: 0 })
      await device.whenDurable({ timeout: 20_000 })
    }
    const track = `track/bus/1970-01-01/${device.id}`
    expect(server.of('auth', track)).toHaveLength(1)
    const sent = server.of('update', track)
    expect(sent).toHaveLength(5)
    expect(new Set(sent.flatMap(({ bytes }) => [...Y.parseUpdateMeta(bytes).to.keys()])).size).toBe(1)
  })

  it('makes room when there are more of them than may be on the connection', async () => {
    const server = await newServer()
    const device = await newDevice(server)
    for (let day = 0; day < 7; day++) {
      await device.positions.record({ vehicleId: 'bus', at: day * DAY_MS, latitude: 1, longitude: day })
      await device.whenDurable({ timeout: 20_000 })
    }
    expect(server.of('update')).toHaveLength(7)
  })

  it('keeps what is durable in few pieces, and gives all of it to a server that has lost it', async () => {
    const store = await NodeStore.open({ directory: await newDirectory(), compactFrom: 8 })
    onTestFinished(() => store.close())
    await store.use({})
    const tracks = new TrackStore(store.shell)
    for (let n = 1; n <= 50; n++) {
      const fix = prepareFix('box', { vehicleId: 'bus', at: n * 1000, latitude: 1, longitude: 2 }, n)
      await store.transact((tx) => addFix(tx, fix))
      const [name = ''] = await tracks.waiting()
      const replica = tracks.replica(name)
      const update = await replica.fold(1000)
      if (n < 50) await replica.durable([update?.id ?? 0])
      await replica.compact()
    }
    const name = 'track/bus/1970-01-01/box'
    expect(await store.transact((tx) => tx.updates.count(name))).toBeLessThan(16)
    const server = new Y.Doc()
    for (const { update } of await tracks.replica(name).unconfirmed(Uint8Array.of(0))) {
      Y.applyUpdate(server, update)
      expect(server.store.pendingStructs).toBeNull()
    }
    const fixes = server.getArray<Uint8Array>('chunks').toArray().flatMap(decodeChunk)
    expect(fixes.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
  })
})
