/**
 * A device that writes without end, and says what is confirmed: a line `row <n>` or `fix <n>` for each. Started by
 * `kill.test.ts` with the built entry, a directory and a number to count from; ends when it is killed.
 */
import { writeSync } from 'node:fs'

const [entry, dataDir, first] = process.argv.slice(2)
const { WebHostDevice } = await import(entry)
const device = new WebHostDevice({
  apiUrl: 'http://127.0.0.1:9',
  apiKey: `whs_test_${'0'.repeat(64)}`,
  dataDir,
  deviceId: 'writer',
})
const { rows } = await device.connect({ rows: 'n' })
writeSync(1, 'ready\n')
const say = (text) => writeSync(1, `${text}\n`)

async function write(n) {
  await rows.add({ n, text: 'x'.repeat(200) })
  say(`row ${n}`)
  if (n > 1) await rows.update(n - 1, { seen: true })
  await device.positions.record({ vehicleId: 'bus', at: n * 1000, latitude: n / 1000, longitude: 0 })
  say(`fix ${n}`)
}

// Some at a time, so that the kill also meets batches of them.
for (let n = Number(first); ; n += 3) await Promise.all([write(n), write(n + 1), write(n + 2)])
