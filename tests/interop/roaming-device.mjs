// One device of `webhost-sync/node` in a process of its own, told by its parent what to do: `{ id, do, with }` comes,
// `{ id, result }` or `{ id, error }` goes back once it is stored on the device. Ends when it is killed or left.
// In: the server's address and a key (environment), a directory (argument). Needs the built SDK.

import { WebHostDevice } from '../../js-sdk/dist/node/index.js'

const { WEBHOST_URL: apiUrl, WEBHOST_KEY: apiKey } = process.env
const device = new WebHostDevice({ apiUrl, apiKey, dataDir: process.argv[2], connectTimeoutMs: 0 })
const { vehicles } = await device.connect({ vehicles: 'id, name' })

const deeds = {
  add: (row) => vehicles.add(row),
  put: (row) => vehicles.put(row),
  update: ([key, changes]) => vehicles.update(key, changes),
  remove: (key) => vehicles.delete(key),
  retry: () => device.retryNow(),
  durable: () => device.whenDurable({ timeout: 60_000 }),
  rows: () => vehicles.toArray(),
  shelf: async () => (await device.rejectedEdits()).map(({ key, reason }) => [key, reason.code]),
}

process.on('disconnect', () => process.exit())
process.on('message', async ({ id, do: deed, with: what }) => {
  try {
    process.send({ id, result: (await deeds[deed](what)) ?? null })
  } catch (error) {
    process.send({ id, error: String(error) })
  }
})
process.send({ id: 0, result: null })
