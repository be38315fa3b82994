/** One tab with a real store of one table, `cars`, and a real connection to a small server on loopback. */
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import { StatusBoard } from '../../src/status.js'
import type { DeviceStore } from '../../src/storage/device-store.js'
import { Tab } from '../../src/tab.js'
import { createLink } from '../../src/wire/link.js'
import { createTokenSource } from '../../src/wire/token.js'
import { storeOf } from '../support/device.js'
import { type Received, SyncServer } from '../wire/sync-server.js'

export interface TestTab {
  readonly server: SyncServer
  readonly store: DeviceStore
  readonly board: StatusBoard
  readonly tab: Tab
  start(): void
  close(): Promise<void>
}

/** A tab that has not started yet; `react` is what the server does with each frame. */
export async function openTab(react?: (frame: Received, server: SyncServer) => void): Promise<TestTab> {
  const server = await new SyncServer().start()
  if (react) server.react = (frame) => react(frame, server)
  const store = await storeOf('++id')
  const board = new StatusBoard()
  const { apiUrl } = server
  const token = createTokenSource({ apiUrl, apiKey: 'whs_test_key', now: () => performance.now() })
  const tab = new Tab({
    store,
    board,
    createLink: () => createLink({ apiUrl, token, WebSocket }),
    failed: (error) => expect.unreachable(String(error)),
  })
  return {
    server,
    store,
    board,
    tab,
    start: () => tab.start(),
    async close() {
      await tab.close()
      store.close()
      await server.stop()
    },
  }
}
