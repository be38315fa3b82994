/**
 * What the end of a socket means for the next attempt: close code and reason in, verdict out. The server's
 * side of the table is `docs/protocol.md`, section "Refusals". Pure.
 */
import type { BlockCode } from '../contract.js'

export type Verdict =
  /** The token was not taken: a new one may be. */
  | { readonly kind: 'token' }
  /** Come back, after `retryAfter` ms if the server named a time, else with backoff. */
  | { readonly kind: 'again'; readonly retryAfter: number | null }
  | {
      readonly kind: 'blocked'
      readonly code: BlockCode
      readonly hint: string
      readonly retryAfter: number | null
    }

export const MUST_AUTHENTICATE = 4401
export const TOO_BIG = 1009
const FORBIDDEN = 4403
/** No document of this socket was there, or it isn't shown to this credential. */
const NOT_FOUND = 4404
const TOO_LARGE = 4413
const OUTDATED = 4426
const TOO_MANY_REQUESTS = 4529

export function verdictOn(code: number, reason: string): Verdict {
  const retryAfter = retryAfterIn(reason)
  const said = reason ? `${code}: ${reason}` : `code ${code}`
  const blocked = (block: BlockCode, advice: string): Verdict => ({
    kind: 'blocked',
    code: block,
    hint: `the server closed the connection (${said}); ${advice}`,
    retryAfter,
  })
  if (code === MUST_AUTHENTICATE) return { kind: 'token' }
  if (code === FORBIDDEN || code === NOT_FOUND)
    return blocked('forbidden', 'the credential is valid but may not do this; ask an admin')
  if (code === OUTDATED) return blocked('outdated', 'update the package webhost-sync')
  if (code === TOO_MANY_REQUESTS) return blocked('rate-limited', 'it goes on by itself')
  // The other permanent ones mean that client and server misunderstand each other; frames get smaller.
  if (code >= 4400 && code < 4500 && !meansTooBig(code)) {
    return blocked('outdated', 'client and server misunderstand each other; update both')
  }
  return { kind: 'again', retryAfter }
}

/** Whether a frame was above the server's limit. */
export function meansTooBig(code: number): boolean {
  return code === TOO_BIG || code === TOO_LARGE
}

/** `retry-after=<seconds>` somewhere in the reason, in ms. */
function retryAfterIn(reason: string): number | null {
  const seconds = /\bretry-after=(\d{1,6}(?:\.\d{1,3})?)/i.exec(reason)?.[1]
  return seconds === undefined ? null : Number(seconds) * 1000
}
