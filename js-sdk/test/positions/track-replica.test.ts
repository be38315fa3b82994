/** A track's replica over a real store: what the server calls durable, everybody can read there. */
import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { LocalUpdate } from '../../src/contract.js'
import { decodeChunk } from '../../src/layout/chunk.js'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import { TrackStore } from '../../src/positions/track-store.js'
import type { DeviceStore } from '../../src/storage/device-store.js'
import { newStore } from '../support/device.js'

const TRACK = 'track/bus/1970-01-01/box'
const REFUSED = { code: 'not_allowed', message: 'no' }

async function opened(options: Parameters<typeof newStore>[0] = {}): Promise<DeviceStore> {
  const store = newStore(options)
  await store.open({ cars: 'id' })
  return store
}

async function record(store: DeviceStore, n: number, attributes?: Record<string, unknown>): Promise<void> {
  const position = {
    vehicleId: 'bus',
    at: n * 1000,
    latitude: n,
    longitude: 0,
    ...(attributes && { attributes }),
  }
  await store.record((tx) => addFix(tx, prepareFix('box', position, n)))
}

const replicaOf = (store: DeviceStore) => new TrackStore(store.shell).replica(TRACK)

/** The latitudes of all fixes that readers of this document see. */
const seen = (server: Y.Doc) =>
  server
    .getArray<Uint8Array>('chunks')
    .toArray()
    .flatMap(decodeChunk)
    .map(({ latitude }) => latitude)

describe('a refused update of a track', () => {
  it('takes what builds on it along: that is sent anew, and nothing waits at the server for ever', async () => {
    const store = await opened()
    await store.lead()
    const track = replicaOf(store)
    const server = new Y.Doc()
    const take = async (update: LocalUpdate | null) => {
      Y.applyUpdate(server, update?.update as Uint8Array)
      await track.durable([update?.id as number])
    }
    await record(store, 1)
    const one = await track.fold(1e5)
    await record(store, 2)
    const two = await track.fold(1e5)
    await track.refuse([one?.id as number], REFUSED)
    await take(two) // it was on its way already
    await record(store, 3)
    for (let next = await track.fold(1e5); next; next = await track.fold(1e5)) await take(next)
    expect(seen(server).sort()).toEqual([2, 3])
    expect(await store.shelved()).toBe(1)
    expect((await store.pending()).edits).toBe(0)
  })

  it('leaves what does not build on it', async () => {
    const store = await opened()
    await store.lead()
    await record(store, 1)
    const one = await replicaOf(store).fold(1e5)
    const next = replicaOf(store) // another session, and so another client id
    await record(store, 2)
    const two = await next.fold(1e5)
    await next.refuse([one?.id as number], REFUSED)
    expect((await next.unconfirmed(Uint8Array.of(0))).map(({ id }) => id)).toEqual([two?.id])
  })
})

describe('a fold of a track', () => {
  it('is about as large as is asked for, whatever the attributes are', async () => {
    const store = await opened()
    await store.lead()
    for (let n = 1; n <= 40; n++) await record(store, n, { can: 'x'.repeat(500) })
    const track = replicaOf(store)
    const sizes: number[] = []
    const edits: number[] = []
    for (let next = await track.fold(5000); next; next = await track.fold(5000)) {
      sizes.push(next.update.byteLength)
      edits.push(next.edits)
    }
    expect(Math.max(...sizes)).toBeLessThan(5200)
    expect(edits.reduce((sum, n) => sum + n)).toBe(40)
  })

  it('takes one position that is larger than that', async () => {
    const store = await opened()
    await store.lead()
    await record(store, 1, { can: 'x'.repeat(9000) })
    expect(await replicaOf(store).fold(5000)).toMatchObject({ edits: 1 })
  })
})

it('a transaction that fails is tried once more where the connection was revived, and no more', async () => {
  const store = await opened()
  let tries = 0
  const transact = () => {
    tries++
    return Promise.reject(new Error('dead'))
  }
  const shell = { ...store.shell, transact, revive: () => Promise.resolve(true) }
  await expect(new TrackStore(shell).replica(TRACK).hello()).rejects.toThrow('dead')
  expect(tries).toBe(2)
})
