import { useEffect, useState } from 'react'
import type { SyncStatus } from 'webhost-sync'
import { useSyncStatus } from 'webhost-sync/react'

const LASTING_MS = 400

/** The status without flicker: trouble shows at once, “all saved” when it has lasted. Late, but never early. */
export function useCalmStatus(): SyncStatus {
  const status = useSyncStatus()
  const [shown, setShown] = useState(status)
  const isGood = status.connected && status.pending === 0
  useEffect(() => {
    const timer = setTimeout(() => setShown(status), isGood ? LASTING_MS : 0)
    return () => clearTimeout(timer)
  }, [status, isGood])
  return isGood ? shown : status
}
