// Two devices of `webhost-sync/node` in one process, each with a directory of its own, against a running server.
// Says as JSON what they ended with. In: the server's address and a key (environment), a directory (argument).
// Needs the built SDK.

import { join } from 'node:path'

import { WebHostDevice } from '../../js-sdk/dist/node/index.js'

const { WEBHOST_URL: apiUrl, WEBHOST_KEY: apiKey } = process.env
const folder = process.argv[2]
const schema = { vehicles: '++id, name' }

async function open(name) {
  const device = new WebHostDevice({ apiUrl, apiKey, dataDir: join(folder, name) })
  await device.connect(schema)
  return device
}

/** Read again after every change of the status, until it is as wanted. */
async function sees(device, key, isRight) {
  for (;;) {
    const changed = new Promise((resolve) => {
      const stop = device.subscribe(() => resolve(stop()))
      setTimeout(() => resolve(stop()), 50)
    })
    const row = await device.tables.vehicles.get(key)
    if (isRight(row)) return row
    await changed
  }
}

let [anna, ben] = [await open('anna'), await open('ben')]
const merged = await anna.tables.vehicles.add({ name: 'Bus', since: new Date(0), size: { seats: 40 } })
const deleted = await ben.tables.vehicles.add({ name: 'Van' })
await sees(ben, merged, Boolean)
await sees(anna, deleted, Boolean)
await Promise.all([anna.whenDurable(), ben.whenDurable()])

// Offline: a device without a network has its directory and nothing else.
await ben.close()
const away = new WebHostDevice({ apiUrl: 'http://127.0.0.1:9', apiKey, dataDir: join(folder, 'ben') })
await away.connect(schema)
await away.tables.vehicles.update(merged, { plate: 'M-AB 1' })
await away.tables.vehicles.update(deleted, { name: 'Painted van' })
await anna.tables.vehicles.update(merged, { name: 'Night bus' })
await anna.tables.vehicles.delete(deleted)
await anna.whenDurable()
await away.close()

ben = await open('ben')
await ben.whenDurable()
await sees(anna, merged, (row) => row.plate !== undefined)
await sees(ben, merged, (row) => row.name === 'Night bus')
const rejected = await ben.rejectedEdits()
const rows = await Promise.all([anna, ben].map((device) => device.tables.vehicles.toArray()))
await Promise.all([anna.close(), ben.close()])

process.stdout.write(
  JSON.stringify({
    rows: rows.map((some) => some.map(({ id, ...row }) => ({ ...row, isMerged: id === merged }))),
    rejected: rejected.map(({ fields, reason }) => [fields, reason.code]),
  }),
)
