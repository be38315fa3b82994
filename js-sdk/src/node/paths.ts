/** Fields of a row by path, as Dexie's `update` writes them: `size.seats`, `tags.0`. Pure. */
import type { Row } from '../engine/stores.js'

/** Set the value at a path, in place; `undefined` takes it out. What is missing on the way is made. */
export function setAt(row: Row, path: string, value: unknown): void {
  const names = path.replace(/\.$/, '').split('.')
  const last = names.pop() as string
  let place = row
  for (const name of names) {
    if (!Object.hasOwn(place, name) || !place[name]) {
      if (value === undefined) return
      place[name] = {}
    }
    if (typeof place[name] !== 'object') return // text and numbers hold no fields
    place = place[name] as Row
  }
  if (value !== undefined) place[last] = value
  else if (Array.isArray(place) && !Number.isNaN(Number.parseInt(last, 10))) place.splice(Number(last), 1)
  else delete place[last]
}
