/** Who else is here, and what they are editing. The only file that knows the shape of presence. */
import { useCallback, useMemo, useState } from 'react'
import { usePresence } from 'webhost-sync/react'
import { COLORS } from './fleet'

export interface Person {
  /** One for each open tab. */
  readonly id: string
  readonly name: string
  readonly color: string
  /** The vehicle whose form is open. */
  readonly editing: string | null
}

const ROOM = 'fleet'
const NAMES = ['Otter', 'Heron', 'Lynx', 'Marten', 'Plover', 'Badger', 'Swift', 'Hare']
const KEPT = 'fleet.me'

export function usePeople(editing: string | null): {
  me: Person
  others: readonly Person[]
  rename: (name: string) => void
} {
  const [identity, setIdentity] = useState(remembered)
  const me = useMemo<Person>(() => ({ ...identity, editing }), [identity, editing])
  const { others } = usePresence<Person>(ROOM, me)
  const rename = useCallback((name: string) => {
    setIdentity((old) => {
      const renamed = { ...old, name }
      localStorage.setItem(KEPT, JSON.stringify({ name, color: old.color }))
      return renamed
    })
  }, [])
  return { me, others, rename }
}

function remembered(): Omit<Person, 'editing'> {
  const kept = localStorage.getItem(KEPT)
  const known = kept ? (JSON.parse(kept) as { name: string; color: string }) : anyone()
  if (!kept) localStorage.setItem(KEPT, JSON.stringify(known))
  return { ...known, id: crypto.randomUUID() }
}

function anyone(): { name: string; color: string } {
  return { name: pick(NAMES), color: pick(COLORS) }
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T
}
