import { useSyncExternalStore } from 'react'
import { CLOSED, type SyncStatus } from '../status.js'
import { useClient } from './client.js'

/** What to show about saving and connecting; the same object until something in it has changed. */
export function useSyncStatus(): SyncStatus {
  const { syncManager } = useClient()
  return useSyncExternalStore(syncManager.subscribe, syncManager.getSnapshot, () => CLOSED)
}
