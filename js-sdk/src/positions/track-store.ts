/**
 * The tracks of this device that have something to send, as replicas; and what is kept of them. In: the store.
 * Knows no network.
 */
import type { Replica } from '../contract.js'
import { parseName } from '../names.js'
import type { DeviceStore } from '../storage/device-store.js'
import { dropOldestFixes } from './fix-log.js'
import { TrackReplica } from './track-replica.js'

export interface Retention {
  /** Fixes that wait for the server; beyond it the oldest are dropped, and counted. */
  readonly waitingFixes: number
  /** How long what the server has is kept here: a server restored from a backup gets it again. */
  readonly durableDays: number
}

export const RETENTION: Retention = { waitingFixes: 500_000, durableDays: 3 }

const DAY_MS = 86_400_000

export class TrackStore {
  readonly #store: DeviceStore
  readonly #replicas = new Map<string, TrackReplica>()

  constructor(store: DeviceStore) {
    this.#store = store
  }

  /** The replica of a track; the same one each time. Only for the tab that leads. */
  replica(document: string): Replica {
    const known = this.#replicas.get(document)
    if (known) return known
    const replica = new TrackReplica(document, this.#store.shell)
    this.#replicas.set(document, replica)
    return replica
  }

  /** Tracks with fixes or updates that are not durable, the newest day first. */
  async waiting(): Promise<string[]> {
    const { db } = this.#store
    const names = await db.transaction('r!', ['$fixes', '$updates'], async (tx) => {
      const fixes = (await tx.table('$fixes').orderBy('d').uniqueKeys()) as string[]
      const index = tx.table('$updates').where('[o+d+n+at]')
      const local = await index.between(['local', 'track/'], ['local', 'track0']).keys()
      return new Set([...fixes, ...local.map((key) => (key as unknown as string[])[1] as string)])
    })
    return [...names].sort((one, other) => dayOf(other).localeCompare(dayOf(one)))
  }

  /** Drop what the retention no longer wants; returns how many fixes were lost by it. */
  async tidy(now: number, retention = RETENTION): Promise<number> {
    const { transact } = this.#store.shell
    const before = now - retention.durableDays * DAY_MS
    return transact(['$fixes', '$updates'], async (tx) => {
      const tracks = tx.table('$updates').where('d').between('track/', 'track0')
      await tracks.filter(({ o, at }) => o !== 'local' && at < before).delete()
      return dropOldestFixes(tx, retention.waitingFixes)
    })
  }
}

function dayOf(document: string): string {
  const name = parseName(document)
  return name.kind === 'track' ? name.day : ''
}
