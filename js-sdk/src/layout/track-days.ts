/**
 * Which fixes go into one chunk of which document.
 *
 * In come fixes of one device with their vehicles, in any order; out go runs: one vehicle, one UTC day,
 * sequences that rise by one, at most so many. Knows no document and no clock.
 */

import { type Fix, MAX_FIXES } from './chunk.js'
import { requireTime } from './layout.js'

/** A fix and the vehicle it belongs to (a key as `layout/keys` spells it). */
export interface VehicleFix {
  readonly vehicle: string
  readonly fix: Fix
}

/** Fixes that can be one chunk of the document of this vehicle and day. */
export interface TrackRun {
  readonly vehicle: string
  /** yyyy-mm-dd */
  readonly day: string
  readonly fixes: readonly Fix[]
}

/** The UTC day of a fix, yyyy-mm-dd. Throws LayoutError outside the years 1 to 9999. */
export function utcDay(fixTimeMs: number): string {
  return new Date(requireTime(fixTimeMs, 'fix time')).toISOString().slice(0, 10)
}

/**
 * Cut fixes into runs, the tracks in the order of their first fix, the runs of each by sequence.
 * Nothing is dropped: of two fixes with one sequence each gets a run, and the server tells them apart.
 */
export function trackRuns(fixes: Iterable<VehicleFix>, maxFixes = MAX_FIXES): TrackRun[] {
  const tracks = new Map<string, TrackRun & { fixes: Fix[] }>()
  for (const { vehicle, fix } of fixes) {
    const day = utcDay(fix.fixTimeMs)
    const track = tracks.get(day + vehicle) ?? { vehicle, day, fixes: [] }
    tracks.set(day + vehicle, track)
    track.fixes.push(fix)
  }
  return [...tracks.values()].flatMap((track) =>
    runs(track.fixes, maxFixes).map((run) => ({ vehicle: track.vehicle, day: track.day, fixes: run })),
  )
}

function runs(fixes: readonly Fix[], maxFixes: number): Fix[][] {
  const found: Fix[][] = []
  let last: Fix[] = []
  for (const fix of fixes.toSorted((a, b) => a.sequence - b.sequence)) {
    if (fix.sequence - 1 !== last.at(-1)?.sequence || last.length >= maxFixes) {
      last = []
      found.push(last)
    }
    last.push(fix)
  }
  return found
}
