/** What an app waits for: that everything is durable, or that it is known how things stand. */
import { NotDurable } from './errors.js'
import type { StatusBoard } from './status.js'
import type { Pending } from './storage/pending.js'
import { until } from './until.js'

/** Resolves when nothing is pending. Throws NotDurable after `timeout` ms: what is pending is kept. */
export async function durable(
  board: StatusBoard,
  pending: () => Promise<Pending>,
  timeout: number | undefined,
): Promise<void> {
  const signal = timeout === undefined ? undefined : AbortSignal.timeout(timeout)
  for (;;) {
    const before = board.status
    if ((await pending()).edits === 0) return
    // Nothing becomes durable without a change of the status: whoever asks more often only keeps the disk busy.
    await until(board, (status) => status !== before, signal)
    if (signal?.aborted) throw new NotDurable((await pending()).edits)
  }
}

/** Resolves when the server is connected and all is synced, or is known to be away, or the time or all is over. */
export function settled(board: StatusBoard, timeoutMs: number): Promise<void> {
  return until(
    board,
    ({ phase }) => phase === 'live' || phase === 'offline' || phase === 'blocked' || phase === 'closed',
    AbortSignal.timeout(timeoutMs),
  )
}
