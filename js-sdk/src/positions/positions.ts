/**
 * `client.positions`: record the way of a vehicle, and read where vehicles are and were.
 *
 * Recording needs no network: a fix is on this device when the promise resolves, and goes to the server newest
 * first. Reading asks the server, and adds what this device has recorded itself and not sent yet.
 */
import type { Stores } from '../engine/stores.js'
import { ServerError, StoreDeleted } from '../errors.js'
import { encodeKey } from '../layout/keys.js'
import { parseName } from '../names.js'
import { addFix, fixesOf, prepareFix, recordedFixes, waitingFixes } from './fix-log.js'
import { type LatestListener, LatestPositions } from './latest.js'
import { LatestMemory } from './latest-memory.js'
import { fixOf, type NewPosition, type Position } from './position.js'

export interface PositionsHost {
  /** One transaction over the positions of this device; done when it resolves. */
  transact<T>(work: (tx: Stores) => Promise<T>): Promise<T>
  /** One reading transaction over all that is not durable. */
  read<T>(stores: readonly string[], work: (tx: Stores) => Promise<T>): Promise<T>
  /** Stable for the life of this device's store; null before `connect()`. */
  installId(): string | null
  readonly apiUrl: string
  token(reason: 'connect' | 'refresh'): Promise<string>
  /** Resolves when the server may be reached, or at the signal. */
  connected(signal: AbortSignal): Promise<void>
  /** Whether the newest positions are kept for the next start: for devices that show a map. */
  readonly showsMaps: boolean
}

const PAGE = 1000

export class Positions {
  readonly #host: PositionsHost
  readonly #latest: LatestPositions
  readonly #memory: LatestMemory | null

  constructor(host: PositionsHost) {
    this.#host = host
    this.#latest = new LatestPositions({
      url: `${host.apiUrl}/api/positions/live`,
      token: (reason) => host.token(reason),
      connected: (signal) => host.connected(signal),
    })
    this.#memory = host.showsMaps ? new LatestMemory(host, this.#latest) : null
  }

  /**
   * Store a position. It is on this device when the promise resolves.
   * Throws LayoutError where it is no position: the message names the field.
   */
  async record(position: NewPosition): Promise<void> {
    const installId = this.#host.installId()
    if (installId === null) throw new TypeError('positions.record() needs `await client.connect(…)` first')
    const now = Date.now()
    const fix = prepareFix(installId, position, now)
    await this.#host.transact(async (tx) => {
      // A store that was begun anew meanwhile counts from one again, and for another device.
      if ((await tx.state.get('install')) !== installId) throw new StoreDeleted()
      await addFix(tx, fix)
    })
    this.#latest.merge([{ ...position, deviceId: installId, at: new Date(position.at ?? now) }])
  }

  /**
   * How many positions of a vehicle this device has ever recorded, sent or not. A program that reads from a list or
   * a receiver's memory goes on there after a power cut, and records nothing twice.
   */
  recorded(vehicleId: string): Promise<number> {
    return this.#host.transact((tx) => recordedFixes(tx, vehicleId))
  }

  /**
   * A vehicle's positions with `from` <= time < `to`, oldest first: the server's, and those of this device that are
   * not durable yet; without the server only the latter. Throws ServerError where the server is lost half way: a part
   * of a way looks like the whole.
   */
  async range(vehicleId: string, from: Date, to: Date): Promise<Position[]> {
    const found = new Map<string, Position>()
    const add = (position: Position) => {
      if (from <= position.at && position.at < to)
        found.set(`${position.deviceId} ${position.at.getTime()}`, position)
    }
    for (const position of await this.#waiting(vehicleId)) add(position)
    for await (const position of this.#stored(vehicleId, from, to)) add(position)
    return [...found.values()].sort((one, other) => one.at.getTime() - other.at.getTime())
  }

  /** The newest position of every vehicle that this key or token may see. */
  async latest(): Promise<ReadonlyMap<string, Position>> {
    for await (const position of this.#pages('/api/positions/latest', {})) this.#latest.merge([position])
    return this.#latest.positions
  }

  /**
   * Tell the newest positions now and whenever they change, until the returned function is called. Without a
   * network those are told that this device has seen last.
   */
  followLatest(listener: LatestListener): () => void {
    void this.#memory?.recall()
    return this.#latest.follow((positions) => {
      listener(positions)
      this.#memory?.note()
    })
  }

  /** Go on after `stop()`: who followed the newest positions hears of them again. */
  resume(): void {
    if (this.#latest.resume()) void this.#memory?.recall()
  }

  stop(): void {
    this.#latest.stop()
    this.#memory?.stop()
  }

  async #waiting(vehicleId: string): Promise<Position[]> {
    const key = encodeKey(vehicleId)
    const belongs = (document: string) => {
      const name = parseName(document)
      return name.kind === 'track' && name.vehicle === key
    }
    const records = await this.#host.read(['$fixes', '$updates'], (tx) => waitingFixes(tx, belongs))
    return records.flatMap((record) => {
      const name = parseName(record.d)
      if (name.kind !== 'track') return []
      return fixesOf([record]).map(({ sequence: _, fixTimeMs, deviceTimeMs: __, ...measures }) => ({
        ...(measures as Omit<NewPosition, 'vehicleId' | 'at'>),
        vehicleId,
        deviceId: name.device,
        at: new Date(fixTimeMs),
      }))
    })
  }

  /** What the server has; nothing where it can't be reached. */
  async *#stored(vehicleId: string, from: Date, to: Date): AsyncGenerator<Position> {
    const path = `/api/vehicles/${encodeURIComponent(vehicleId)}/positions`
    yield* this.#pages(path, { from: from.toISOString(), to: to.toISOString() })
  }

  async *#pages(path: string, query: Record<string, string>): AsyncGenerator<Position> {
    let cursor: string | null = null
    do {
      const page = await this.#page(path, {
        ...query,
        limit: String(PAGE),
        ...(cursor !== null && { cursor }),
      })
      if (page === null) {
        if (cursor === null) return
        throw new ServerError('offline', 'the server was lost half way', 'ask again when it can be reached')
      }
      yield* page.items.map(fixOf)
      cursor = page.next_cursor
    } while (cursor !== null)
  }

  async #page(
    path: string,
    query: Record<string, string>,
  ): Promise<{ items: unknown[]; next_cursor: string | null } | null> {
    const { apiUrl } = this.#host
    try {
      const headers = { Authorization: `Bearer ${await this.#host.token('connect')}` }
      const response = await fetch(`${apiUrl}${path}?${new URLSearchParams(query)}`, { headers })
      return response.ok ? await response.json() : null
    } catch {
      return null
    }
  }
}
