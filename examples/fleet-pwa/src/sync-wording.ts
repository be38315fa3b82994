/**
 * What the app says about where the work is: on this device, sent, or on the server. Pure; never claims more
 * than the SDK knows. `pending` counts what the server has not confirmed, so only zero may be called saved there.
 */
import type { SyncStatus } from 'webhost-sync'
import { count } from './format'

/** How far the newest work has come: 1 this device, 2 sent, 3 the server. */
export type Level = 1 | 2 | 3
export type Tone = 'good' | 'busy' | 'waiting' | 'bad'

export interface Wording {
  readonly tone: Tone
  readonly level: Level
  /** On the badge. */
  readonly title: string
  /** Behind it, smaller; may be empty. */
  readonly aside: string
  /** A sentence or two for whoever asks. */
  readonly explanation: string
}

export const LEVELS: Record<Level, { title: string; meaning: string }> = {
  1: { title: 'Saved on this device', meaning: 'It survives closing the app, and a restart.' },
  2: { title: 'Sent', meaning: 'On its way; the server has not confirmed it yet.' },
  3: { title: 'Saved on the server', meaning: 'It survives the loss of this device.' },
}

export function wordingOf(status: SyncStatus): Wording {
  const { pending, blocked } = status
  const changes = count(pending, 'change')
  if (blocked)
    return {
      tone: 'bad',
      level: pending ? 1 : 3,
      title: BLOCKED[blocked.code] ?? 'Can’t sync',
      aside: pending ? `${changes} on this device` : '',
      explanation: blocked.hint,
    }
  if (!status.connected)
    return {
      tone: pending ? 'waiting' : 'busy',
      level: pending ? 1 : 3,
      title: pending ? LEVELS[1].title : waitingTitle(status),
      aside: pending ? changes : '',
      explanation: pending
        ? `${changes} will be sent as soon as there is a connection. Keep working.`
        : 'Everything that was done here is on the server. Changes of others come with the next connection.',
    }
  if (pending)
    return {
      tone: 'busy',
      level: 2,
      title: LEVELS[2].title,
      aside: changes,
      explanation: `${changes} on the way. The server has not confirmed ${pending === 1 ? 'it' : 'them'} yet.`,
    }
  return {
    tone: 'good',
    level: 3,
    title: LEVELS[3].title,
    aside: '',
    explanation: 'Everything that was done on this device is on the server.',
  }
}

function waitingTitle(status: SyncStatus): string {
  return status.phase === 'offline' || status.phase === 'closed' ? 'Offline' : 'Connecting'
}

const BLOCKED: Record<string, string> = {
  auth: 'Sign in again',
  forbidden: 'No access',
  'rate-limited': 'Waiting for the server',
  maintenance: 'Server in maintenance',
  quota: 'This device is full',
  'device-lost': 'Data on this device was lost',
  outdated: 'Please update the app',
}
