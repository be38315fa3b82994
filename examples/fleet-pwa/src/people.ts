/** Who else is here, and what they are editing. The only file that knows the shape of presence. */
import { useCallback, useMemo, useState } from 'react'
import { usePresence } from 'webhost-sync/react'
import { COLORS } from './fleet'

export interface Person {
  readonly name: string
  readonly color: string
  /** The vehicle whose form is open. */
  readonly editing: string | null
}

/** A person in another tab; somebody with two tabs is there twice. */
export interface OtherPerson extends Person {
  readonly id: number
}

const ROOM = 'fleet'
const NAMES = ['Otter', 'Heron', 'Lynx', 'Marten', 'Plover', 'Badger', 'Swift', 'Hare']
const KEPT = 'fleet.me'

export function usePeople(editing: string | null): {
  me: Person
  others: readonly OtherPerson[]
  rename: (name: string) => void
} {
  const [identity, setIdentity] = useState(remembered)
  const me = useMemo<Person>(() => ({ ...identity, editing }), [identity, editing])
  const presence = usePresence<Person>(ROOM, me)
  const others = useMemo(
    () => presence.others.map(({ clientId, state }) => ({ ...state, id: clientId })),
    [presence.others],
  )
  const rename = useCallback((name: string) => {
    setIdentity((old) => {
      const renamed = { ...old, name }
      localStorage.setItem(KEPT, JSON.stringify(renamed))
      return renamed
    })
  }, [])
  return { me, others, rename }
}

type Identity = Omit<Person, 'editing'>

function remembered(): Identity {
  const kept = localStorage.getItem(KEPT)
  if (kept) return JSON.parse(kept) as Identity
  const chosen = anyone()
  localStorage.setItem(KEPT, JSON.stringify(chosen))
  return chosen
}

function anyone(): Identity {
  return { name: pick(NAMES), color: pick(COLORS) }
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T
}
