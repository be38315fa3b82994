import { initials } from '../format'
import type { OtherPerson, Person } from '../people'

/** A person as a coloured disc with their initials. */
export function Avatar({ person, size = 26 }: { person: Pick<Person, 'name' | 'color'>; size?: number }) {
  return (
    <span
      className="avatar"
      style={{ backgroundColor: person.color, width: size, height: size, fontSize: size * 0.42 }}
      title={person.name}
      role="img"
      aria-label={person.name}
    >
      {initials(person.name)}
    </span>
  )
}

/** Some people, overlapping; the rest as a number. */
export function Avatars({
  people,
  most = 3,
  size,
}: {
  people: readonly OtherPerson[]
  most?: number
  size?: number
}) {
  if (!people.length) return null
  const rest = people.length - most
  return (
    <span className="avatars">
      {people.slice(0, most).map((person) => (
        <Avatar key={person.id} person={person} {...(size ? { size } : {})} />
      ))}
      {rest > 0 && <span className="more">+{rest}</span>}
    </span>
  )
}
