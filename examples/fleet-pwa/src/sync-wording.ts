/**
 * What the app says about where the work is: on this device, at the server, or saved there. Pure; never claims more
 * than the SDK knows. `pending` counts what the server has not committed, so only zero may be called saved there.
 * What the SDK and the server say themselves is for developers: here are words for the people who use the app.
 */
import type { RejectedEdit, SyncStatus } from 'webhost-sync'
import { count } from './format'

/** How far the newest work has come: 1 on this device, 2 received by the server, 3 committed there. */
export type Level = 1 | 2 | 3
export type Tone = 'good' | 'busy' | 'waiting' | 'bad'

export interface Wording {
  readonly tone: Tone
  /** 0: what there was is lost. */
  readonly level: Level | 0
  /** On the badge. */
  readonly title: string
  /** Behind it, smaller; may be empty. */
  readonly aside: string
  /** A sentence or two for whoever asks. */
  readonly explanation: string
}

export const LEVELS: Record<Level, { title: string; meaning: string }> = {
  1: { title: 'Saved on this device', meaning: 'It survives closing the app, and a restart.' },
  2: { title: 'Received by the server', meaning: 'It has not been written to disk there yet.' },
  3: { title: 'Saved on the server', meaning: 'It survives the loss of this device.' },
}

export function wordingOf(status: SyncStatus): Wording {
  const { pending, received } = status
  const level = pending === 0 ? 3 : received < pending ? 1 : 2
  return { level, aside: pending ? count(pending, 'change') : '', ...inWords(status) }
}

type Words = Pick<Wording, 'tone' | 'title' | 'explanation'> & Partial<Wording>

function inWords(status: SyncStatus): Words {
  if (status.storage.degraded)
    return {
      tone: 'bad',
      title: 'This device can’t save',
      explanation: 'The browser has closed its database. It is tried again; what you enter now may be lost.',
    }
  if (status.blocked) return blocked(status, status.blocked)
  if (!status.connected) return away(status)
  if (status.pending) return onItsWay(status)
  if (!status.synced)
    return { tone: 'busy', title: 'Fetching the fleet', explanation: 'This device is new here.' }
  if (status.rejected)
    return {
      tone: 'bad',
      title: 'Not all was accepted',
      aside: count(status.rejected, 'change'),
      explanation: 'Everything else that was done on this device is on the server.',
    }
  return {
    tone: 'good',
    title: LEVELS[3].title,
    explanation: 'Everything that was done on this device is on the server.',
  }
}

type Blocked = NonNullable<SyncStatus['blocked']>

const BLOCKED: Record<Blocked['code'], readonly [title: string, explanation: string]> = {
  auth: ['Not signed in', 'The server does not accept this app’s key any more. It needs a new one.'],
  forbidden: ['No access', 'This app’s key may not see the fleet. Ask who runs the server.'],
  'rate-limited': ['The server is busy', 'Too much was sent at once.'],
  maintenance: ['Server in maintenance', 'The server is being looked after, and will be back.'],
  quota: ['Over the limit', 'The server has no more room for this fleet. Ask who runs it.'],
  'device-lost': [
    'Data was lost',
    'The data of this app was deleted on this device, and with it what had not been sent. Reload to go on.',
  ],
  outdated: ['Please update', 'This app is too old for the server. Reload it.'],
}

function blocked({ pending }: SyncStatus, { code, retryAt }: Blocked): Words {
  const [title, explanation] = BLOCKED[code]
  const passes = code === 'rate-limited' || code === 'maintenance'
  const next = passes && retryAt ? ` The next try is at ${retryAt.toLocaleTimeString()}.` : ''
  const kept = pending
    ? ` ${count(pending, 'change')} ${pending === 1 ? 'is' : 'are'} safe on this device.`
    : ''
  const level = code === 'device-lost' ? { level: 0 as const } : {}
  return { tone: passes ? 'waiting' : 'bad', title, explanation: explanation + next + kept, ...level }
}

const REFUSED: Readonly<Record<string, string>> = {
  deleted: 'It was deleted by somebody else.',
  not_allowed: 'You may not change this.',
  document_not_found: 'You may not change this.',
  too_large: 'It is too large for the server.',
}

/** Why an edit lies on the shelf. */
export function refusalInWords({ reason }: RejectedEdit): string {
  return REFUSED[reason.code] ?? 'The server could not take it.'
}

function away({ pending, phase }: SyncStatus): Words {
  if (pending)
    return {
      tone: 'waiting',
      title: LEVELS[1].title,
      explanation: `${count(pending, 'change')} will be sent as soon as there is a connection. Keep working.`,
    }
  return {
    tone: 'busy',
    title: phase === 'connecting' || phase === 'opening' ? 'Connecting' : 'Offline',
    explanation:
      'Everything that was done here is on the server. Changes of others come with the next connection.',
  }
}

function onItsWay({ pending, received }: SyncStatus): Words {
  const [title, where] =
    received < pending
      ? ['Sending', 'on the way']
      : [LEVELS[2].title, 'at the server, and not saved there yet']
  return { tone: 'busy', title, explanation: `${count(pending, 'change')} ${where}.` }
}
