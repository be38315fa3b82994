// Three devices of `webhost-sync/node`, each a process behind a cable of its own, work on the same vehicles against a
// running server, while cables are cut, acknowledgements get lost (so that the device sends all of it again) and
// processes are killed in the midst of writes. What is done is drawn from a seed. At the end all is mended, and what
// the devices and the server have is said as JSON, with what the devices had confirmed.
// In: the server's address and a key (environment), a directory and a seed (arguments). Needs the built SDK.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const server = new URL(process.env.WEBHOST_URL)
const folder = process.argv[2]
const random = seeded(Number(process.argv[3]))
const DEVICE = fileURLToPath(new URL('roaming-device.mjs', import.meta.url))
const STEPS = 120
const SHARED = ['a', 'b', 'c', 'd', 'e']

/** Mulberry32: numbers of [0, 1), the same ones for the same seed. */
function seeded(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const below = (count) => Math.floor(random() * count)
const pick = (list) => list[below(list.length)]

/** A connection to the server that may be cut, or carry nothing back: then the server commits, and nobody hears of it. */
class Cable {
  isDeaf = false
  #pairs = new Set()
  #port = 0
  #listener = createServer((near) => {
    const far = connect(Number(server.port), server.hostname)
    const pair = [near, far]
    this.#pairs.add(pair)
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => this.isDeaf || near.write(bytes))
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        for (const one of pair) one.destroy()
        this.#pairs.delete(pair)
      })
    }
  })

  get url() {
    return `http://127.0.0.1:${this.#port}`
  }

  cut() {
    this.#listener.close()
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  async mend() {
    if (this.isDeaf) this.cut() // what it has swallowed is missing in its connections
    this.isDeaf = false
    if (this.#listener.listening) return
    this.#listener.listen(this.#port, '127.0.0.1')
    await once(this.#listener, 'listening')
    this.#port = this.#listener.address().port
  }
}

class Device {
  cable = new Cable()
  /** What a resolved promise has said: rows by key, and the last number of this device's own row. */
  added = new Map()
  count = 0
  kills = 0
  #waiting = new Map()
  #next = 1

  constructor(name) {
    this.name = name
  }

  async start() {
    const env = { ...process.env, WEBHOST_URL: this.cable.url }
    this.process = fork(DEVICE, [join(folder, this.name)], { env })
    this.process.on('message', ({ id, result, error }) => {
      const [resolve, reject] = this.#waiting.get(id) ?? []
      this.#waiting.delete(id)
      if (error === undefined) resolve?.(result)
      else reject?.(new Error(`${this.name}: ${error}`))
    })
    this.process.on('exit', () => {
      for (const [resolve] of this.#waiting.values()) resolve(LOST)
      this.#waiting.clear()
    })
    await new Promise((resolve, reject) => this.#waiting.set(0, [resolve, reject]))
  }

  /** Resolves to what the device answers; to LOST where it was killed before. */
  do(deed, what) {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, [resolve, reject])
      this.process.send({ id, do: deed, with: what }, (error) => error && resolve(LOST))
    })
  }

  async kill() {
    this.kills += 1
    const ended = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await ended
    await this.start()
  }

  /** One write; what is confirmed is noted. Nobody else writes the rows that are named after this device. */
  async write(serial) {
    const kind = pick(['add', 'own', 'put', 'update', 'update', 'update', 'remove'])
    const key = pick(SHARED)
    if (kind === 'add') {
      const row = { id: `${this.name} ${serial}`, name: 'new', serial }
      if ((await this.do('add', row)) !== LOST) this.added.set(row.id, serial)
    } else if (kind === 'own') {
      if ((await this.do('put', { id: this.name, name: 'own', serial })) !== LOST) this.count = serial
    } else if (kind === 'put') await this.do('put', { id: key, name: `put by ${this.name}`, serial })
    else if (kind === 'remove') await this.do('remove', key)
    else await this.do('update', [key, { [pick(['name', 'plate', this.name])]: `${serial}` }])
  }
}

const LOST = Symbol('lost')
const devices = ['anna', 'ben', 'carla'].map((name) => new Device(name))
for (const { cable } of devices) await cable.mend()
await Promise.all(devices.map((device) => device.start()))
const happened = { cuts: 0, deaf: 0, kills: 0 }

/** Everything that is on its way is let go on at the same time: a device is killed in the midst of it. */
const going = new Set()
function go(work) {
  const done = work.finally(() => going.delete(done))
  going.add(done)
}

for (let step = 1; step <= STEPS; step++) {
  const device = pick(devices)
  const what = random()
  if (what < 0.75) go(device.write(step))
  else if (what < 0.82) {
    happened.cuts += 1
    device.cable.cut()
  } else if (what < 0.87) {
    happened.deaf += 1
    device.cable.isDeaf = true
  } else if (what < 0.97) {
    await device.cable.mend()
    go(device.do('retry'))
  } else {
    happened.kills += 1
    await device.kill()
  }
  // Sometimes everything that was begun ends first, mostly not.
  if (random() < 0.2) await Promise.all(going)
}
await Promise.all(going)

for (const { cable } of devices) await cable.mend()
await Promise.all(devices.map((device) => device.do('retry')))
await Promise.all(devices.map((device) => device.do('durable')))

const sorted = (rows) => rows.sort((one, other) => (one.id < other.id ? -1 : 1))
async function tables() {
  return Promise.all(devices.map(async (device) => sorted(await device.do('rows'))))
}

async function vehicles() {
  const headers = { Authorization: `Bearer ${process.env.WEBHOST_KEY}` }
  const response = await fetch(new URL('/api/vehicles?limit=1000', server), { headers })
  const { items } = await response.json()
  const rows = items.map(({ id, name, plate, attributes }) => ({
    id,
    ...(name !== null && { name }),
    ...(plate !== null && { plate }),
    ...attributes,
  }))
  return sorted(rows)
}

const spelled = (rows) => JSON.stringify(rows.map((row) => Object.entries(row).sort()))
const areEqual = ([first, ...others]) => others.every((rows) => spelled(rows) === spelled(first))
let [found, sql] = [await tables(), await vehicles()]
for (const end = Date.now() + 15_000; !areEqual([sql, ...found]) && Date.now() < end; ) {
  await new Promise((resolve) => setTimeout(resolve, 20))
  ;[found, sql] = [await tables(), await vehicles()]
}
const shelves = await Promise.all(devices.map((device) => device.do('shelf')))
for (const { process, cable } of devices) {
  process.disconnect()
  cable.cut()
}

process.stdout.write(
  JSON.stringify({
    happened,
    tables: found,
    sql,
    shelves,
    added: Object.fromEntries(devices.flatMap(({ added }) => [...added])),
    counts: Object.fromEntries(devices.map(({ name, count }) => [name, count])),
  }),
)
