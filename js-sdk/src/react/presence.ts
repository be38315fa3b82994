import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import type { Other, Presence } from '../presence.js'
import { useClient } from './client.js'

const NOBODY: readonly never[] = []
const nothingToHear = () => () => undefined

export interface PresenceHook<State extends object> {
  readonly others: readonly Other<State>[]
  /** Say what this tab is doing; null says goodbye. */
  set(state: State | null): void
}

/**
 * Who else is in a room. `state` is what this tab says of itself while the component is mounted: give
 * the same object until it changes, or leave it out and call `set`.
 */
export function usePresence<State extends object>(room: string, state?: State | null): PresenceHook<State> {
  const client = useClient()
  const [presence, setPresence] = useState<Presence<State> | null>(null)
  useEffect(() => {
    const joined = client.presence<State>(room)
    setPresence(joined)
    return () => {
      joined.leave()
      setPresence(null)
    }
  }, [client, room])
  useEffect(() => {
    if (state !== undefined) presence?.set(state)
  }, [presence, state])
  const others = useSyncExternalStore(
    presence?.subscribe ?? nothingToHear,
    () => presence?.others ?? NOBODY,
    () => NOBODY,
  )
  const set = useCallback((next: State | null) => presence?.set(next), [presence])
  return { others, set }
}
