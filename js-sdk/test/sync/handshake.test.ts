/** How a table begins with its server: a real store and a real connection. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { eventually } from '../eventually.js'
import type { Client, Received, SyncServer } from '../wire/sync-server.js'
import { openTab, type TestTab } from './tab.js'

const CARS = 'tables/cars'

let tab: TestTab
let react: (frame: Received, server: SyncServer) => void

beforeEach(async () => {
  react = (frame, server) => server.serve(frame)
  tab = await openTab((frame, server) => react(frame, server))
})

afterEach(() => tab.close())

const pending = async () => (await tab.store.pending()).edits
const add = (n: number) => tab.store.db.table('cars').add({ n })

/** Let a client in, but keep the server's own step 1 back; the returned function sends it. */
function admitSilently(from: Client): () => void {
  const sync = from.sync.bind(from)
  from.sync = (document, step, bytes) => {
    if (step !== 0) sync(document, step, bytes)
  }
  from.admit(CARS)
  from.sync = sync
  return () => from.sync(CARS, 0, Uint8Array.of(0))
}

test('the server may answer before it says what it has: edits become durable all the same', async () => {
  let say = () => {}
  react = (frame, server) => {
    if (frame.kind === 'auth') say = admitSilently(frame.from)
    else server.serve(frame)
  }
  await add(1)
  tab.start()
  await eventually(() => expect(tab.server.of('step1', CARS)).toHaveLength(1))
  await eventually(async () =>
    expect(await tab.store.db.table('$docs').get(CARS)).toMatchObject({ epoch: 'e1' }),
  )
  await add(2)
  expect(tab.board.status.phase).toBe('syncing')
  say()
  await eventually(async () => expect(await pending()).toBe(0))
  expect(tab.board.status.phase).toBe('live')
})

test('a server that asks again while all is live is given what it lacks', async () => {
  tab.start()
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
  await add(1)
  await eventually(async () => expect(await pending()).toBe(0))
  const before = tab.server.of('update', CARS).length
  tab.server.open[0]?.sync(CARS, 0, Uint8Array.of(0))
  await eventually(() => expect(tab.server.of('update', CARS).length).toBe(before + 1))
  const server = new Y.Doc()
  Y.applyUpdate(server, tab.server.of('update', CARS).at(-1)?.bytes as Uint8Array)
  expect(server.getMap('rows').size).toBe(1)
})

test('what is under way is not sent twice to a server that asks again', async () => {
  react = (frame, server) => frame.kind === 'update' || server.serve(frame)
  tab.start()
  await eventually(() => expect(tab.board.status.phase).toBe('live'))
  await add(1)
  await eventually(() => expect(tab.server.of('update', CARS)).toHaveLength(1))
  tab.server.open[0]?.sync(CARS, 0, Uint8Array.of(0))
  await add(2)
  await eventually(() => expect(tab.server.of('update', CARS)).toHaveLength(2))
  const [one, two] = tab.server
    .of('update', CARS)
    .map(({ bytes }) => Y.decodeUpdate(bytes).structs[0]?.id.clock)
  expect(two).toBeGreaterThan(one as number)
})

test('a table is synced once its content has come, and not because the server has been spoken to', async () => {
  react = (frame, server) => frame.kind === 'step1' || server.serve(frame)
  tab.start()
  await eventually(async () =>
    expect(await tab.store.db.table('$docs').get(CARS)).toMatchObject({ epoch: 'e1' }),
  )
  expect(tab.board.status.synced).toBe(false)
  expect((await tab.store.replica('cars').hello()).synced).toBe(false)
  react = (frame, server) => server.serve(frame)
  tab.server.open[0]?.socket.terminate()
  await eventually(() => expect(tab.board.status.synced).toBe(true))
  expect((await tab.store.replica('cars').hello()).synced).toBe(true)
})
