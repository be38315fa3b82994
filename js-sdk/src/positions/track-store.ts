/**
 * The tracks of this device that have something to send, as replicas; and what is kept of them. In: the store.
 * Knows no network.
 */
import type { Replica } from '../contract.js'
import type { EngineShell } from '../engine/shell.js'
import { parseName } from '../names.js'
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
  readonly #shell: EngineShell
  readonly #replicas = new Map<string, TrackReplica>()

  constructor(shell: EngineShell) {
    this.#shell = shell
  }

  /** The replica of a track; the same one each time. Only for the tab that leads. */
  replica(document: string): Replica {
    const known = this.#replicas.get(document)
    if (known) return known
    const replica = new TrackReplica(document, this.#shell)
    this.#replicas.set(document, replica)
    return replica
  }

  /** Tracks with fixes or updates that are not durable, the newest day first. */
  async waiting(): Promise<string[]> {
    const names = await this.#shell.read(
      ['$fixes', '$updates'],
      async (tx) => new Set([...(await tx.fixes.tracks()), ...(await tx.updates.localDocuments('track/'))]),
    )
    return [...names].sort((one, other) => dayOf(other).localeCompare(dayOf(one)))
  }

  /** Drop what the retention no longer wants; returns how many fixes were lost by it, and counts them for good. */
  async tidy(now: number, retention = RETENTION): Promise<number> {
    const end = now - retention.durableDays * DAY_MS
    return this.#shell.transact(['$fixes', '$updates'], async (tx) => {
      await tx.updates.removeDurableTracks(end)
      const lost = await tx.fixes.removeOldest(retention.waitingFixes)
      const before = ((await tx.state.get('dropped')) as number | undefined) ?? 0
      if (lost > 0) await tx.state.put('dropped', before + lost)
      return lost
    })
  }
}

function dayOf(document: string): string {
  const name = parseName(document)
  return name.kind === 'track' ? name.day : ''
}
