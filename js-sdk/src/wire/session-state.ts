/**
 * What the state machine of the connection is made of: its state, its events, its effects. `session.ts` has
 * the drawing and the transitions.
 */
import type { BlockCode, LinkState } from '../contract.js'
import { type Backoff, RESTED } from './backoff.js'
import type { FailureKind, TokenReason } from './token.js'

export type Phase =
  | 'stopped'
  | 'idle'
  | 'token'
  | 'dialing'
  | 'authenticating'
  | 'open'
  | 'suspect'
  | 'backoff'
  | 'blocked'

export interface Session {
  readonly phase: Phase
  /** When the phase is over if nothing happens; null where only an event ends it. */
  readonly due: number | null
  readonly documents: number
  /** Number of the last socket that was dialed. */
  readonly socket: number
  /** The token request under way, and when it counts as failed. */
  readonly request: { readonly id: number; readonly due: number } | null
  readonly requests: number
  /** When the token wants to be renewed. */
  readonly renewAt: number | null
  /** When a socket without documents is closed. */
  readonly lingerUntil: number | null
  readonly backoff: Backoff
  /** When a refused token was last answered with a refresh. */
  readonly refreshedAt: number | null
  /** Since when the server takes the token that came of it, without a break; null while it hasn't yet. */
  readonly acceptedAt: number | null
  readonly triedAt: number
  /** The server doesn't want us before, whatever the device thinks. */
  readonly notBefore: number
  /** The server has let us into a document, on this socket. */
  readonly entered: boolean
  /** The last ping of this silence was sent after a sleep; the next missing pong is the end. */
  readonly spared: boolean
  /** The device says that it has no network. */
  readonly networkless: boolean
  readonly block: { readonly code: BlockCode; readonly hint: string } | null
}

export type SessionEvent =
  | { readonly on: 'start' | 'stop' | 'wake' | 'tick' | 'entered' | 'token-refused' | 'token-wanted' }
  | { readonly on: 'device'; readonly signal: 'online' | 'offline' | 'visible' }
  | { readonly on: 'documents'; readonly count: number }
  | { readonly on: 'token'; readonly request: number; readonly useFor: number | null }
  | { readonly on: 'no-token'; readonly request: number; readonly failure: Failure }
  | { readonly on: 'connected' | 'heard'; readonly socket: number }
  | { readonly on: 'closed'; readonly socket: number; readonly code: number; readonly reason: string }
  | { readonly on: 'outdated'; readonly hint: string }

export interface Failure {
  readonly kind: FailureKind
  readonly hint: string
  readonly retryAfter: number | null
}

export type Effect =
  | { readonly do: 'request-token'; readonly request: number; readonly reason: TokenReason }
  | { readonly do: 'dial'; readonly socket: number }
  | { readonly do: 'close'; readonly code: number }
  | { readonly do: 'ping' }
  /** A new token is there while the socket is open. */
  | { readonly do: 'present-token' }

/** The moment of an event: the link's clock in ms, and a number from [0, 1). */
export interface Moment {
  readonly now: number
  readonly random: number
}

export type Step = readonly [Session, readonly Effect[]]

export const STOPPED: Session = {
  phase: 'stopped',
  due: null,
  documents: 0,
  socket: 0,
  request: null,
  requests: 0,
  renewAt: null,
  lingerUntil: null,
  backoff: RESTED,
  refreshedAt: null,
  acceptedAt: null,
  triedAt: Number.NEGATIVE_INFINITY,
  notBefore: 0,
  entered: false,
  spared: false,
  networkless: false,
  block: null,
}

/** When `tick` is wanted next; null while only an event can change anything. */
export function nextDue(session: Session): number | null {
  const { due, request, renewAt, lingerUntil } = session
  const times = [due, request?.due, hasSocket(session) ? renewAt : null, lingerUntil]
  const next = Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY))
  return next === Number.POSITIVE_INFINITY ? null : next
}

/** What the app may see of it. */
export function linkState({ phase, due, entered, block }: Session): LinkState {
  if (phase === 'stopped') return { phase }
  if (phase === 'backoff') return { phase: 'offline', retryAt: due }
  if (phase === 'blocked' && block) return { phase, ...block, retryAt: due }
  // A suspect connection is open until it has failed; `authenticating` can be suspect, too.
  return { phase: entered ? 'open' : 'connecting' }
}

/** Whether a socket is there, or being made. */
export function hasSocket({ phase }: Session): boolean {
  return phase === 'dialing' || phase === 'authenticating' || phase === 'open' || phase === 'suspect'
}
