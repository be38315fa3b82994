/**
 * A box on a rescue helicopter: records the positions of a real flight as they come, and sends them when it can.
 *
 *     WEBHOST_URL=http://127.0.0.1:8000 WEBHOST_KEY=whs_test_… npm start
 *
 * End it in any way and start it again: it goes on where it was.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebHostDevice } from 'webhost-sync/node'
import { readFlight } from './flight.mjs'

const { WEBHOST_URL, WEBHOST_KEY, DATA_DIR = './data', SPEED = '20' } = process.env
if (!WEBHOST_URL || !WEBHOST_KEY) {
  console.error('Set WEBHOST_URL (http://127.0.0.1:8000) and WEBHOST_KEY (a key that may read and write).')
  process.exit(2)
}

const flight = await readFlight()
const { vehicleId } = flight[0]
const device = new WebHostDevice({
  apiUrl: WEBHOST_URL,
  apiKey: WEBHOST_KEY,
  dataDir: DATA_DIR,
  deviceId: 'helicopter-box',
})
device.on('error', (error) => console.log(`  ${error.message}`))

const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopped.abort())

const { vehicles } = await device.connect({ vehicles: 'id, name' })
console.log(`${device.id} writes to ${DATA_DIR} and sends to ${WEBHOST_URL}`)
// The same row again changes nothing, and sends nothing.
await vehicles.put({ id: vehicleId, name: 'Rescue helicopter', icon: 'helicopter' })

/** Numbers that are true: what is recorded is on this disk, what is not pending is committed on the server. */
async function progress() {
  const { phase, pending } = device.status
  const recorded = await device.positions.recorded(vehicleId)
  console.log(`recorded ${recorded}/${flight.length}, ${pending} only on this device (${phase})`)
}
const ticker = setInterval(progress, 500)

try {
  await replay(await device.positions.recorded(vehicleId))
  await durableOrStopped()
} catch (error) {
  if (!stopped.signal.aborted) throw error
}
clearInterval(ticker)
await progress()
await device.close()
console.log(
  stopped.signal.aborted ? 'Stopped. Start it again: it goes on here.' : 'All of it is on the server.',
)

/** Record the flight from its nth position on, `SPEED` times as fast as it was. */
async function replay(first) {
  const began = Date.now()
  for (const position of flight.slice(first)) {
    const due = began + (position.at - flight[first].at) / Number(SPEED)
    if (due > Date.now()) await sleep(due - Date.now(), undefined, { signal: stopped.signal })
    stopped.signal.throwIfAborted()
    await device.positions.record(position) // on the disk, under its number
  }
}

function durableOrStopped() {
  const aborted = new Promise((_, reject) => stopped.signal.addEventListener('abort', reject))
  return Promise.race([device.whenDurable(), aborted])
}
