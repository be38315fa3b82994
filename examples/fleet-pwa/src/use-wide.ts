import { useSyncExternalStore } from 'react'

const wide = matchMedia('(min-width: 820px)')

/** Whether list and map have room side by side. */
export function useWide(): boolean {
  return useSyncExternalStore(
    (notify) => {
      wide.addEventListener('change', notify)
      return () => wide.removeEventListener('change', notify)
    },
    () => wide.matches,
  )
}
