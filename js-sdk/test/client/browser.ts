/**
 * A client as a page has it: IndexedDB, Web Locks and WebSocket where Node 20 has none, and a small server on
 * loopback. What a test makes ends with it.
 */
import 'fake-indexeddb/auto'
import { afterEach, beforeEach } from 'vitest'
import { WebSocket } from 'ws'
import { WebHostClient } from '../../src/client.js'
import type { WebHostClientOptions } from '../../src/options.js'
import { LocalLocks } from '../tabs/lock-manager.js'
import { SyncServer } from '../wire/sync-server.js'

let count = 0

export interface Page {
  readonly server: SyncServer
  /** Errors that the clients have told. */
  readonly errors: unknown[]
  client(options?: Partial<WebHostClientOptions>): WebHostClient
}

/** To be called where tests are defined; each test has a page of its own. */
export function newPage(): Page {
  const clients: WebHostClient[] = []
  const errors: unknown[] = []
  const page = { server: new SyncServer(), errors }
  beforeEach(async () => {
    const locks = new LocalLocks()
    const request = (name: string, ...rest: unknown[]) =>
      locks.request(
        name,
        (rest.length > 1 ? rest[0] : {}) as LockOptions,
        rest.at(-1) as LockGrantedCallback<unknown>,
      )
    Object.assign(globalThis, { WebSocket })
    Object.defineProperty(globalThis, 'navigator', { value: { locks: { request } }, configurable: true })
    page.server = await new SyncServer().start()
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close()
    errors.length = 0
    await page.server.stop()
  })
  return Object.assign(page, {
    client(options: Partial<WebHostClientOptions> = {}) {
      count += 1
      const { apiUrl } = page.server
      const apiKey = `whs_test_${'0'.repeat(64)}`
      const client = new WebHostClient({ apiUrl, apiKey, databaseName: `page-${count}`, ...options })
      client.on('error', (error) => errors.push(error))
      clients.push(client)
      return client
    },
  })
}
