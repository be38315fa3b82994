/**
 * When a tab that follows may take the lead by force: what it has heard and when goes in, what to do comes
 * out. Pure; time is an argument.
 *
 * A frozen tab keeps its lock, and nobody would sync any more. But a hidden leader whose timers are throttled
 * to one a minute is well: it is asked, and message events are not throttled. And one that knows fewer tables (an
 * older version of the app) would never sync the others: it is robbed by a tab that knows all of its tables and
 * more, and never the other way round, so that the lead wanders in one direction only.
 */

/** A leader says so this often, and a follower looks this often. */
export const BEAT = 2_000
const ASK_AFTER = 2 * BEAT
const STEAL_AFTER = 10_000
const FIRST_PAUSE = 30_000
const LONGEST_PAUSE = 600_000
/** A look that comes this late was frozen itself, and what it has not heard proves nothing. */
const FROZEN = 3 * BEAT

export interface Watch {
  /** When the leader was last heard, or could not have been heard. */
  readonly heardAt: number
  readonly lookedAt: number
  /** Steals are at least this far apart; it doubles with each, so that two live tabs can't fight. */
  readonly pause: number
  readonly stoleAt: number
  /** The leader that was heard last knows less than this tab. */
  readonly outranks: boolean
}

export function beginWatch(now: number): Watch {
  return {
    heardAt: now,
    lookedAt: now,
    pause: FIRST_PAUSE,
    stoleAt: Number.NEGATIVE_INFINITY,
    outranks: false,
  }
}

export function heard(watch: Watch, now: number, outranks = false): Watch {
  return { ...watch, heardAt: now, outranks }
}

/** Whether who knows these tables should lead instead of who knows those: all of them, and more. */
export function outranks(ours: readonly string[], theirs: readonly string[]): boolean {
  return ours.length > theirs.length && theirs.every((name) => ours.includes(name))
}

/** Look after the leader. A hidden tab never steals: it may be frozen next. */
export function look(
  watch: Watch,
  now: number,
  visible: boolean,
): readonly [Watch, 'wait' | 'ask' | 'steal'] {
  const frozen = now - watch.lookedAt > FROZEN
  const next = { ...watch, lookedAt: now, ...(frozen && { heardAt: now, outranks: false }) }
  const silence = now - next.heardAt
  const isWanted = silence >= STEAL_AFTER || next.outranks
  if (!isWanted || !visible || now - watch.stoleAt < watch.pause)
    return [next, silence < ASK_AFTER ? 'wait' : 'ask']
  const again = now - watch.stoleAt < LONGEST_PAUSE
  const pause = again ? Math.min(2 * watch.pause, LONGEST_PAUSE) : FIRST_PAUSE
  return [{ ...next, heardAt: now, stoleAt: now, pause, outranks: false }, 'steal']
}
