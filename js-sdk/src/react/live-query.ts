/** A Dexie query as a React hook: runs again whenever something that it read has changed, in any tab. */

import { liveQuery } from 'dexie'
import { useCallback, useRef, useSyncExternalStore } from 'react'

interface Result<Value> {
  readonly value: Value | undefined
  readonly error: unknown
}

const NOTHING: Result<never> = { value: undefined, error: null }

/**
 * The value of `query`, and undefined until it is first known. An error of the query is thrown where the
 * component renders, for an error boundary to catch. `dependencies` are what the query uses from outside.
 */
export function useLiveQuery<Value>(
  query: () => Promise<Value> | Value,
  dependencies: readonly unknown[] = [],
): Value | undefined {
  const current = useRef<Result<Value>>(NOTHING)
  const latest = useRef(query)
  latest.current = query

  const subscribe = useCallback((changed: () => void) => {
    const subscription = liveQuery(() => latest.current()).subscribe({
      next: (value) => {
        current.current = { value, error: null }
        changed()
      },
      error: (error: unknown) => {
        current.current = { value: current.current.value, error }
        changed()
      },
    })
    return () => subscription.unsubscribe()
    // biome-ignore lint/correctness/useExhaustiveDependencies: the caller says what the query depends on
  }, dependencies)

  const result = useSyncExternalStore(
    subscribe,
    () => current.current,
    () => NOTHING as Result<Value>,
  )
  if (result.error !== null) throw result.error
  return result.value
}
