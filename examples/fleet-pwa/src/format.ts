/** Times and speeds as people say them. */
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** “just now”, “12 s ago”, “4 min ago”, “3 h ago”, and the date from two days on. */
export function ago(at: Date | number, now: number): string {
  const passed = now - Number(at)
  if (passed < 5 * SECOND) return 'just now'
  if (passed < MINUTE) return `${Math.floor(passed / SECOND)} s ago`
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`
  if (passed < 2 * DAY) return `${Math.floor(passed / HOUR)} h ago`
  return day(new Date(at), new Date(now))
}

function day(date: Date, today: Date): string {
  const year = date.getFullYear() === today.getFullYear() ? undefined : 'numeric'
  return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short', year })
}

export function speed(metresPerSecond: number): string {
  return `${Math.round(metresPerSecond * 3.6)} km/h`
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`
}

/** Up to two letters for a name's picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  return ((words[0]?.[0] ?? '?') + (words.length > 1 ? (words.at(-1)?.[0] ?? '') : '')).toUpperCase()
}
