/** What an app waits for: that everything is durable, or that it is known how things stand, and how. */
import { NotDurable, ServerError } from './errors.js'
import type { StatusBoard } from './status.js'
import type { Pending } from './storage/pending.js'
import { until } from './until.js'
import type { TokenFailure, TokenSource } from './wire/token.js'

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

/** Why the server can't be used; null where it can. */
export async function outOfReach(board: StatusBoard, tokens: TokenSource): Promise<ServerError | null> {
  const { blocked, connected, phase } = board.status
  if (connected) return null
  // Without tables there is nothing to connect for; whether the server would take us shows in its giving a token.
  const failure = await (phase === 'live' ? tokens.get('connect').then(() => null, asFailure) : blocked)
  if (phase === 'live' && failure === null) return null
  return new ServerError(failure?.code ?? 'offline', 'the server can not be reached', failure?.hint)
}

function asFailure({ kind, hint }: TokenFailure) {
  return { code: kind, hint }
}
