/** Waiting that can be given up. */
import type { StatusBoard, SyncStatus } from './status.js'

/** Resolves when the status fits, or when the signal comes; who needs to know which looks at the signal. */
export function until(
  board: StatusBoard,
  fits: (status: SyncStatus) => boolean,
  signal?: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    if (fits(board.status) || signal?.aborted) return resolve()
    const end = () => {
      stop()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const stop = board.subscribe((status) => {
      if (fits(status)) end()
    })
    signal?.addEventListener('abort', end)
  })
}

/** Whether it is worth to ask the server: it may be connected for another reason, or for none. */
export function mayAnswer({ connected, phase }: SyncStatus): boolean {
  return connected || phase === 'connecting' || phase === 'syncing' || phase === 'live'
}

/** Resolves after so many ms, or at the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
