/** Positions that no longer have room on a device: a real store, and a server that can't be reached. */
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { addFix, prepareFix } from '../../src/positions/fix-log.js'
import { StatusBoard } from '../../src/status.js'
import { PendingCount } from '../../src/sync/pending-count.js'
import { Syncing } from '../../src/sync/syncing.js'
import { createLink } from '../../src/wire/link.js'
import { createTokenSource } from '../../src/wire/token.js'
import { eventually } from '../eventually.js'
import { storeOf } from '../support/device.js'

test('positions that are dropped are told of, and how many, also after a restart', async () => {
  const store = await storeOf('id')
  const now = Date.now()
  for (let at = now - 5; at < now; at++) {
    const fix = prepareFix('box', { vehicleId: 'bus-1', latitude: 48, longitude: 11, at }, now)
    await store.record((tx) => addFix(tx, fix))
  }
  const apiUrl = 'http://127.0.0.1:9'
  const token = createTokenSource({ apiUrl, apiKey: 'whs_test_key', now: () => performance.now() })
  const dropped: number[] = []
  const syncing = new Syncing({
    store,
    createLink: () => createLink({ apiUrl, token, WebSocket }),
    prepare: () => store.lead(),
    changed: () => {},
    failed: (error) => expect.unreachable(String(error)),
    dropped: (positions) => dropped.push(positions),
    retention: { waitingFixes: 2, durableDays: 3 },
  })
  const end = new AbortController()
  const run = syncing.run(end.signal)
  await eventually(() => expect(dropped).toEqual([3]))
  expect((await store.pending()).edits).toBe(2)
  end.abort()
  await run
  const board = new StatusBoard()
  await new PendingCount(store, board, (error) => expect.unreachable(String(error))).now()
  expect(board.status, 'what the next start says').toMatchObject({ pending: 2, dropped: 3 })
  store.close()
})
