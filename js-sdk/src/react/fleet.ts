import { useCallback, useRef, useSyncExternalStore } from 'react'
import type { Position } from '../positions/position.js'
import { useClient } from './client.js'
import { useLiveQuery } from './live-query.js'

/**
 * One vehicle's row as this device has it; undefined while it is looked up, or where there is none. An `id` of null
 * asks for nothing: hooks can't be left out where nothing is chosen.
 */
export function useVehicle<Vehicle extends object = Record<string, unknown>>(
  id: string | null | undefined,
): Vehicle | undefined {
  const { db } = useClient()
  const find = async () => ({ id, row: id == null ? undefined : await db.table('vehicles').get(id) })
  const found = useLiveQuery(find, [db, id])
  // While another one is looked up the former would still be shown.
  return found && found.id === id ? (found.row as Vehicle | undefined) : undefined
}

const NO_POSITIONS: ReadonlyMap<string, Position> = new Map()

/** The newest position of every vehicle, by vehicle id; followed while the component is mounted. */
export function useLatestPositions(): ReadonlyMap<string, Position> {
  const { positions } = useClient()
  const latest = useRef<ReadonlyMap<string, Position>>(NO_POSITIONS)
  const subscribe = useCallback(
    (changed: () => void) =>
      positions.followLatest((map: ReadonlyMap<string, Position>) => {
        latest.current = map
        changed()
      }),
    [positions],
  )
  return useSyncExternalStore(
    subscribe,
    () => latest.current,
    () => NO_POSITIONS,
  )
}
