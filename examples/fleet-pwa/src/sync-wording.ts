/**
 * What the app says about where the work is: on this device, at the server, or saved there. Pure; never claims more
 * than the SDK knows. `pending` counts what the server has not committed, so only zero may be called saved there.
 */
import type { SyncStatus } from 'webhost-sync'
import { count } from './format'

/** How far the newest work has come: 1 on this device, 2 received by the server, 3 committed there. */
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
  2: { title: 'Received by the server', meaning: 'Not written there yet, so this device keeps it too.' },
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

const BLOCKED: Record<string, string> = {
  auth: 'Not signed in',
  forbidden: 'No access',
  'rate-limited': 'The server is busy',
  maintenance: 'Server in maintenance',
  quota: 'Over the limit',
  'device-lost': 'Data on this device was lost',
  outdated: 'Please update the app',
}

function blocked(
  { pending }: SyncStatus,
  { code, hint, retryAt }: NonNullable<SyncStatus['blocked']>,
): Words {
  const next = retryAt
    ? `The next try is at ${retryAt.toLocaleTimeString()}.`
    : 'Nothing is sent until that has changed.'
  const kept = pending ? ` ${count(pending, 'change')} safe on this device.` : ''
  return {
    tone: retryAt ? 'waiting' : 'bad',
    title: BLOCKED[code] ?? 'Can’t sync',
    explanation: `${sentence(hint)} ${next}${kept}`,
  }
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

/** Texts of the server start small and have no full stop. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}
