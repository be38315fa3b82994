/**
 * Writes without end, as many people at once would, and reports each write twice to `globalThis.report`: what it is
 * going to change, before it begins; and that its promise has resolved. So whoever kills the page knows exactly what
 * must be there afterwards, and what may be.
 *
 * A write is a list of changes, `{ serial, op }` for a row that is added or changed and `{ serial, gone }` for one
 * that is deleted; all of them belong to one transaction. `op` numbers the writes and is kept in the row.
 */

const pick = (list) => list[Math.floor(Math.random() * list.length)]

/** One writer with rows of its own: nobody else changes those, so each of its writes can be foretold. */
class Lane {
  constructor(client, { first, step, rows }) {
    this.client = client
    this.vehicles = client.db.vehicles
    this.op = first
    this.step = step
    /** Serial to id, of rows that this lane may change. */
    this.rows = new Map(rows)
  }

  async run(isStopped) {
    for (let count = 1; !isStopped(); count++) {
      if (count % 4 === 0) await this.drive()
      else await this.write()
      if (count % 6 === 0) await this.settle()
    }
  }

  async write() {
    const op = this.next()
    const known = [...this.rows.keys()]
    const kinds = known.length < 5 ? ['add', 'bulk'] : ['add', 'bulk', 'change', 'change', 'delete', 'mixed']
    const kind = pick(kinds)
    const changes = this.plan(kind, op, known)
    await globalThis.report({ begin: op, changes })
    await this.carryOut(kind, op, changes)
    for (const { serial, gone } of changes) if (gone) this.rows.delete(serial)
    await globalThis.report({ done: op })
  }

  plan(kind, op, known) {
    const fresh = (count) => Array.from({ length: count }, (_, i) => ({ serial: op * 10 + i, op }))
    if (kind === 'add') return fresh(1)
    if (kind === 'bulk') return fresh(5)
    if (kind === 'change') return [{ serial: pick(known), op }]
    if (kind === 'delete') return [{ serial: pick(known), gone: true }]
    const [changed, deleted] = known.sort(() => Math.random() - 0.5)
    return [...fresh(1), { serial: changed, op }, { serial: deleted, gone: true }]
  }

  async carryOut(kind, op, changes) {
    const rows = changes.map(({ serial }) => ({ serial, op, name: `vehicle ${serial}` }))
    if (kind === 'bulk') {
      const ids = await this.vehicles.bulkAdd(rows, { allKeys: true })
      for (const [i, id] of ids.entries()) this.rows.set(rows[i].serial, id)
      return
    }
    await this.client.db.transaction('rw', this.vehicles, async () => {
      for (const [i, { serial, gone }] of changes.entries()) {
        const id = this.rows.get(serial)
        if (gone) await this.vehicles.delete(id)
        else if (id === undefined) this.rows.set(serial, await this.vehicles.add(rows[i]))
        else await this.vehicles.update(id, { op })
      }
    })
  }

  async drive() {
    const op = this.next()
    await globalThis.report({ begin: op, fix: true })
    await this.client.positions.record({ vehicleId: 'bus-1', latitude: 48.1, longitude: 11.5 + op / 1e6 })
    await globalThis.report({ done: op })
  }

  /** What was done before is durable when this says so. */
  async settle() {
    const op = this.op
    await this.client.whenDurable()
    await globalThis.report({ durable: op, lane: op % this.step })
  }

  next() {
    const { op } = this
    this.op += this.step
    return op
  }
}

/** Write in so many lanes at once until `globalThis.stopWriting()`; resolves when the last write has ended. */
export async function writeWithoutEnd(client, { first, lanes }) {
  let stopped = false
  globalThis.stopWriting = () => {
    stopped = true
  }
  const stored = await client.db.vehicles.toArray()
  const writers = Array.from({ length: lanes }, (_, lane) => {
    const own = stored.filter(({ serial }) => Math.floor(serial / 10) % lanes === lane)
    return new Lane(client, {
      first: first + lane,
      step: lanes,
      rows: own.map(({ serial, id }) => [serial, id]),
    })
  })
  await Promise.all(writers.map((writer) => writer.run(() => stopped)))
}
