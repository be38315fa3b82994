/**
 * The states of the one connection: events in, next state and effects out. Pure: time and randomness come with
 * the events, sockets and tokens are numbers; `link.ts` carries the effects out.
 *
 *     stopped ──start──> idle ──a document──> token ──> dialing ──> authenticating ──> open
 *        ^                                      ^  │        │             │            ^  │ silence 15 s,
 *        │                                      │  └────────┴──── lost ───┴──┐    sign │  │ or a wake-up
 *      stop                                     │                            v  of life│  v
 *   (from anywhere)            time, or wake ── backoff, blocked <── lost ──────── suspect ── no pong: lost
 *
 * Invariants:
 * 1. At most one socket: `dial` comes only after the last one was lost or closed.
 * 2. Unless stopped or idle, something is due: `nextDue` is a time.
 * 3. Refused tokens cause at most one immediate refresh in `SLOW_RETRY`, then `blocked`; one that was taken for
 *    `STABLE` in between is a success, after which the next may be refreshed again.
 * 4. What belongs to an earlier socket or token request changes nothing.
 */
import type { BlockCode } from '../contract.js'
import { failed, RESTED, STABLE, spread, succeeded } from './backoff.js'
import { verdictOn } from './close-codes.js'
import {
  type Failure,
  hasSocket,
  type Moment,
  type Session,
  type SessionEvent,
  type Step,
} from './session-state.js'
import type { TokenReason } from './token.js'

/** Silence on an open socket before it is asked for a sign of life. */
const PING_AFTER = 15_000
const PONG_WITHIN = 5_000
const PROBE_WITHIN = 2_000
const DIAL_WITHIN = 15_000
const TOKEN_WITHIN = 20_000
/** Until somebody who is refused tries once more: keys are mended and rights given meanwhile. */
const SLOW_RETRY = 300_000
/** Between attempts where the device says that it has no network; some devices say so and are wrong. */
const OFFLINE_RETRY = 30_000
/** A wake-up comes to all tabs and devices of a place at once. */
const WAKE_SPREAD = 250
/** Wake-ups that come thick and fast are no reason for more attempts than this. */
const BETWEEN_ATTEMPTS = 1_000
/** How long a socket without documents is kept for the next one. */
const LINGER = 5_000
/** A timer that is this late was frozen, or the device slept: what it waited for may only be delayed. */
const ASLEEP = 5_000
/** Close code of ours for a socket that gives no sign of life; the browser lets us use 3000 to 4999. */
const DEAD = 4000

export function step(session: Session, event: SessionEvent, at: Moment): Step {
  switch (event.on) {
    case 'start':
      return session.phase === 'stopped' ? connect({ ...session, phase: 'idle' }, at) : [session, []]
    case 'stop':
      return stop(session)
    case 'documents':
      return documents(session, event.count, at)
    case 'wake':
      // Somebody asked for it: even a credential that was refused may be tried once more.
      return hurry({ ...session, refreshedAt: null }, at, true)
    case 'device':
      return device(session, event.signal, at)
    case 'token':
      return gotToken(session, event.request, event.useFor, at)
    case 'no-token':
      return session.request?.id === event.request ? noToken(session, event.failure, at) : [session, []]
    case 'token-wanted':
      return hasSocket(session) && !session.request ? request(session, 'refresh', at) : [session, []]
    case 'token-refused':
      return hasSocket(session) && !session.request ? tokenRefused(session, '', at) : [session, []]
    case 'outdated':
      return hasSocket(session) ? block(session, 'outdated', event.hint, null, at) : [session, []]
    case 'entered':
      return entered(session, at)
    case 'tick':
      return tick(session, at)
    case 'connected':
      return session.phase === 'dialing' && isCurrent(session, event.socket)
        ? [{ ...session, phase: 'authenticating', due: at.now + PING_AFTER, spared: false }, []]
        : [session, []]
    case 'heard':
      return isCurrent(session, event.socket) ? [heard(session, at), []] : [session, []]
    case 'closed':
      return isCurrent(session, event.socket) ? closed(session, event.code, event.reason, at) : [session, []]
  }
}

/** Whether an event of this socket still counts. */
function isCurrent(session: Session, socket: number): boolean {
  return hasSocket(session) && session.socket === socket
}

/** Begin with a token, if there is a document to connect for. */
function connect(session: Session, at: Moment, reason: TokenReason = 'connect'): Step {
  if (session.documents === 0) return [idle(session), []]
  const next: Session = { ...session, phase: 'token', due: null, triedAt: at.now, block: null }
  return request(next, reason, at)
}

function request(session: Session, reason: TokenReason, { now }: Moment): Step {
  const id = session.requests + 1
  const next = { ...session, requests: id, request: { id, due: now + TOKEN_WITHIN }, renewAt: null }
  return [next, [{ do: 'request-token', request: id, reason }]]
}

function idle(session: Session): Session {
  return {
    ...session,
    phase: 'idle',
    due: null,
    request: null,
    lingerUntil: null,
    entered: false,
    block: null,
  }
}

function stop(session: Session): Step {
  const next: Session = { ...idle(session), phase: 'stopped', backoff: RESTED, refreshedAt: null }
  return [next, hasSocket(session) ? [{ do: 'close', code: 1000 }] : []]
}

function documents(session: Session, count: number, at: Moment): Step {
  const next = { ...session, documents: count, lingerUntil: null }
  if (count > 0) return session.phase === 'idle' ? connect(next, at) : [next, []]
  if (hasSocket(session)) return [{ ...next, lingerUntil: session.lingerUntil ?? at.now + LINGER }, []]
  return session.phase === 'token' || session.phase === 'backoff' ? [idle(next), []] : [next, []]
}

function gotToken(session: Session, id: number, useFor: number | null, at: Moment): Step {
  if (session.request?.id !== id) return [session, []]
  const next = { ...session, request: null, renewAt: useFor === null ? null : at.now + useFor }
  if (hasSocket(session)) return [next, [{ do: 'present-token' }]]
  if (session.phase !== 'token') return [next, []]
  const socket = session.socket + 1
  return [
    { ...next, phase: 'dialing', due: at.now + DIAL_WITHIN, socket, entered: false },
    [{ do: 'dial', socket }],
  ]
}

function noToken(before: Session, { kind, hint, retryAfter }: Failure, at: Moment): Step {
  const session = { ...before, request: null }
  if (kind === 'auth') return tokenRefused(session, hint, at)
  if (kind === 'forbidden' || kind === 'outdated') return block(session, kind, hint, retryAfter, at)
  if (hasSocket(session)) {
    // The old token may still be good for a fifth of its life: no reason to leave.
    return [{ ...session, renewAt: at.now + spread(retryAfter ?? OFFLINE_RETRY, at.random) }, []]
  }
  return kind === 'offline' ? lost(session, retryAfter, at) : block(session, kind, hint, retryAfter, at)
}

/** The server didn't take the token, or the credential for it: try a new one, once. */
function tokenRefused(before: Session, hint: string, at: Moment): Step {
  const session = forgiven(before, at)
  if (session.refreshedAt === null || at.now - session.refreshedAt > SLOW_RETRY) {
    const next = { ...session, refreshedAt: at.now }
    return hasSocket(session) ? request(next, 'refresh', at) : connect(next, at, 'refresh')
  }
  const advice = 'the server refuses the token, and a new one too; check the API key, or what getToken gives'
  return block(session, 'auth', hint || advice, null, at)
}

/** The end of a stay: where it lasted, the refresh before it was right. The clock may stand still in a sleep. */
function forgiven(session: Session, { now }: Moment): Session {
  const { acceptedAt, refreshedAt } = session
  const lasted = acceptedAt !== null && now - acceptedAt >= STABLE
  return { ...session, acceptedAt: null, refreshedAt: lasted ? null : refreshedAt }
}

function entered(session: Session, { now }: Moment): Step {
  if (!hasSocket(session) || session.phase === 'dialing') return [session, []]
  const phase = session.phase === 'authenticating' ? 'open' : session.phase
  // While a new token is awaited it is the old one that was taken.
  const acceptedAt = session.acceptedAt ?? (session.request ? null : now)
  return [{ ...session, phase, entered: true, acceptedAt, backoff: succeeded(session.backoff, now) }, []]
}

function heard(session: Session, { now }: Moment): Session {
  if (session.phase === 'dialing') return session
  const phase = session.entered ? 'open' : 'authenticating'
  return { ...session, phase, due: now + PING_AFTER, spared: false }
}

function closed(before: Session, code: number, reason: string, at: Moment): Step {
  const session = forgiven(before, at)
  const verdict = verdictOn(code, reason)
  const left: Session = { ...session, phase: 'idle', entered: false }
  if (session.documents === 0) return [idle(session), []]
  if (verdict.kind === 'token') return tokenRefused({ ...left, request: null }, '', at)
  if (verdict.kind === 'again') return lost(session, verdict.retryAfter, at)
  return block(left, verdict.code, verdict.hint, verdict.retryAfter, at)
}

/** Come back after a while. */
function lost(session: Session, retryAfter: number | null, at: Moment): Step {
  const { backoff, delay } = failed(session.backoff, at.now, at.random)
  const asked = retryAfter === null ? delay : spread(retryAfter, at.random)
  const wait = session.networkless ? Math.max(asked, OFFLINE_RETRY * (1 + at.random)) : asked
  const due = at.now + wait
  const notBefore = retryAfter === null ? 0 : due
  const next = { ...idle(session), backoff, phase: 'backoff' as const, due, notBefore }
  return session.documents === 0 ? [idle(next), []] : [next, []]
}

/** Stay away until something changes, but for a try now and then. */
function block(session: Session, code: BlockCode, hint: string, retryAfter: number | null, at: Moment): Step {
  const { backoff, delay } = failed(session.backoff, at.now, at.random)
  const passing = code === 'rate-limited' || code === 'maintenance'
  const usual = passing ? delay : spread(SLOW_RETRY, at.random)
  const due = at.now + (retryAfter === null ? usual : spread(retryAfter, at.random))
  const next: Session = { ...idle(session), phase: 'blocked', due, backoff, block: { code, hint } }
  return [next, hasSocket(session) ? [{ do: 'close', code: 1000 }] : []]
}

function device(session: Session, signal: 'online' | 'offline' | 'visible', at: Moment): Step {
  const next = signal === 'visible' ? session : { ...session, networkless: signal === 'offline' }
  if (signal !== 'offline') return hurry(next, at, false)
  if (session.phase !== 'backoff') return probe(next, at)
  const due = Math.max(at.now + OFFLINE_RETRY * (1 + at.random), session.notBefore)
  return [{ ...next, due }, []]
}

/** The world may have changed: try at once, or ask the open socket for a sign of life. */
function hurry(session: Session, at: Moment, asked: boolean): Step {
  const { phase, due, triedAt } = session
  if (phase === 'backoff' || (phase === 'blocked' && asked)) {
    const earliest = asked ? 0 : session.notBefore
    const soon = Math.max(at.now + at.random * WAKE_SPREAD, triedAt + BETWEEN_ATTEMPTS, earliest)
    return [{ ...session, due: Math.min(due ?? soon, soon) }, []]
  }
  if (phase !== 'dialing') return probe(session, at)
  // A dial that slept is dead more often than not.
  return [{ ...session, due: Math.min(due ?? 0, at.now + PONG_WITHIN) }, []]
}

function probe(session: Session, at: Moment): Step {
  const { phase, due } = session
  if (phase === 'suspect') {
    return [{ ...session, due: Math.min(due ?? 0, at.now + PROBE_WITHIN) }, [{ do: 'ping' }]]
  }
  return phase === 'open' || phase === 'authenticating' ? suspect(session, PROBE_WITHIN, at) : [session, []]
}

function suspect(session: Session, within: number, { now }: Moment): Step {
  return [{ ...session, phase: 'suspect', due: now + within }, [{ do: 'ping' }]]
}

function tick(session: Session, at: Moment): Step {
  const isDue = (time: number | null | undefined) => time != null && time <= at.now
  if (isDue(session.request?.due)) {
    const hint = 'no token came in time; check what getToken waits for, and the network'
    return noToken(session, { kind: 'offline', hint, retryAfter: null }, at)
  }
  if (isDue(session.lingerUntil)) return [idle(session), [{ do: 'close', code: 1000 }]]
  if (isDue(session.due)) return phaseOver(session, at)
  return hasSocket(session) && isDue(session.renewAt) ? request(session, 'refresh', at) : [session, []]
}

function phaseOver(session: Session, at: Moment): Step {
  const asleep = at.now - (session.due ?? at.now) > ASLEEP
  switch (session.phase) {
    case 'open':
    case 'authenticating':
      return suspect(session, asleep ? PROBE_WITHIN : PONG_WITHIN, at)
    case 'suspect':
      // The pong may have come while nobody could read it; but a late timer is no excuse twice.
      if (asleep && !session.spared) return suspect({ ...session, spared: true }, PROBE_WITHIN, at)
      return abandon(session, at)
    case 'dialing':
      return abandon(session, at)
    case 'backoff':
    case 'blocked':
      return connect(session, at)
    default:
      return [session, []]
  }
}

/** Give up a socket that says nothing, without waiting for its close. */
function abandon(session: Session, at: Moment): Step {
  return [lost(forgiven(session, at), null, at)[0], [{ do: 'close', code: DEAD }]]
}
