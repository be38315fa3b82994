/** One page leads, then another, then the first again: real stores over one database, and a real connection. */
import { IDBFactory } from 'fake-indexeddb'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import type { DeviceStore } from '../../src/storage/device-store.js'
import { Syncing } from '../../src/sync/syncing.js'
import { createLink } from '../../src/wire/link.js'
import { createTokenSource } from '../../src/wire/token.js'
import { eventually } from '../eventually.js'
import { newStore } from '../support/device.js'
import { SyncServer } from '../wire/sync-server.js'

/** A server whose documents can be made anew. */
class Histories extends SyncServer {
  epoch = 'e1'
  documents = new Map<string, Y.Doc>()

  override serve(frame: Parameters<SyncServer['serve']>[0]): void {
    if (frame.kind === 'update') Y.applyUpdate(this.document(frame.document), frame.bytes)
    if (frame.kind === 'auth') frame.from.admit(frame.document, { epoch: this.epoch })
    else super.serve(frame)
  }

  document(name: string): Y.Doc {
    const known = this.documents.get(name) ?? new Y.Doc()
    this.documents.set(name, known)
    return known
  }

  makeAnew(epoch: string): void {
    this.epoch = epoch
    this.documents.clear()
  }
}

/** A page: its store, and the one `Syncing` that it has from beginning to end. */
class Page {
  readonly #syncing: Syncing

  constructor(
    readonly store: DeviceStore,
    { apiUrl }: SyncServer,
  ) {
    const token = createTokenSource({ apiUrl, apiKey: 'whs_test_key', now: () => performance.now() })
    this.#syncing = new Syncing({
      store,
      createLink: () => createLink({ apiUrl, token, WebSocket }),
      prepare: () => store.lead(),
      changed: () => undefined,
      failed: (error) => expect.unreachable(String(error)),
    })
  }

  /** Lead until everything that was written is durable. */
  async term(): Promise<void> {
    const ended = new AbortController()
    const stop = this.store.onChange(() => this.#syncing.written())
    const run = this.#syncing.run(ended.signal)
    await eventually(() => expect(this.#syncing.shared?.phase).toBe('live'))
    await eventually(async () => expect((await this.store.pending()).edits).toBe(0))
    ended.abort()
    stop()
    await run
  }
}

test('what a page writes in its second term nothing of its first is needed for', async () => {
  const server = await new Histories().start()
  onTestFinished(() => server.stop())
  const disk = { indexedDB: new IDBFactory(), name: 'two-pages' }
  const [one, two] = await Promise.all(
    [newStore(disk), newStore(disk)].map(async (store) => {
      await store.open({ cars: '++id' })
      onTestFinished(() => store.close())
      return new Page(store, server)
    }),
  )
  const now = Date.now()
  const write = async (n: number) => {
    await one?.store.db.table('cars').add({ n })
    const fix = prepareFix('box', { vehicleId: 'bus', at: now + n, latitude: n, longitude: 0 }, now)
    await one?.store.record((tx) => addFix(tx, fix))
  }
  await write(1)
  await one?.term()
  server.makeAnew('e2')
  await write(2)
  await two?.term()
  await write(3)
  await one?.term()
  for (const document of server.documents.values()) expect(document.store.pendingStructs).toBeNull()
  const track = [...server.documents.keys()].find((name) => name.startsWith('track/')) as string
  expect(server.document('tables/cars').getMap('rows').size).toBe(2)
  expect(server.document(track).getArray('chunks').length).toBe(2)
})
