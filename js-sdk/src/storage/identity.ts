/**
 * Whose store this is. Browsers do lose whole databases (Chromium in 5 of 135 kills); the install id, mirrored in
 * localStorage, shows it: the mirror remembers an id that the database no longer knows.
 */
import type { Dexie } from 'dexie'
import type { StateRecord } from './records.js'

export interface Identity {
  readonly installId: string
  /** Set when an earlier store is gone, with everything in it that had not reached the server. */
  readonly lost: { readonly lastSeen: Date | null } | null
}

export type Mirror = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

const mirrorKey = (name: string) => `webhost-sync:${name}`

/** localStorage where there is one that may be used; a page can be forbidden to touch it. */
export function browserMirror(): Mirror | null {
  try {
    return globalThis.localStorage ?? null
  } catch {
    return null
  }
}

/** A store without an id is new: it gets one, and an id is never taken over from the mirror. */
export async function identify(
  db: Dexie,
  mirror: Mirror | null,
  made: { id: string; now: number; dataLoss: string | null },
): Promise<Identity> {
  const state = db.table<StateRecord, string>('$state')
  const known = (await state.get('install'))?.v as string | undefined
  const installId = known ?? made.id
  if (known === undefined) await state.put({ k: 'install', v: installId })
  const seen = readMirror(mirror, db.name)
  const isLost = known === undefined && (seen !== null || made.dataLoss === 'total')
  try {
    mirror?.setItem(mirrorKey(db.name), JSON.stringify({ id: installId, seen: made.now }))
  } catch {} // A full or forbidden localStorage costs the warning, not the data.
  return { installId, lost: isLost ? { lastSeen: seen === null ? null : new Date(seen) } : null }
}

export function forgetIdentity(name: string, mirror: Mirror | null): void {
  try {
    mirror?.removeItem(mirrorKey(name))
  } catch {} // Where localStorage is forbidden there is nothing to forget.
}

function readMirror(mirror: Mirror | null, name: string): number | null {
  try {
    const text = mirror?.getItem(mirrorKey(name))
    return text ? Number(JSON.parse(text).seen) : null
  } catch {
    return null
  }
}
