/**
 * Ids for rows: lower-case Crockford ULIDs, 26 characters.
 *
 * In comes a clock, out goes text that sorts by the time at which it was made. Knows no table.
 *
 *     id = 10 digits of milliseconds since 1970, 16 digits of randomness (80 bits); base 32
 *
 * Within one process each id is greater than the one before it, whatever the clock does: while the clock
 * stands or goes back, the random part counts up instead (https://github.com/ulid/spec, monotonicity).
 */

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_DIGITS = 10
const RANDOM_DIGITS = 16

/**
 * Make a source of ids.
 *
 * @param now milliseconds since 1970
 * @param random `count` numbers of 0 to 31
 */
export function createIdSource(now: () => number = Date.now, random = randomDigits): () => string {
  let time = -1
  let tail: number[] = []
  return () => {
    const current = Math.floor(now())
    if (current > time) {
      time = current
      tail = random(RANDOM_DIGITS)
    } else if (!increment(tail)) {
      time += 1
    }
    return timeText(time) + tail.map((digit) => DIGITS[digit]).join('')
  }
}

/** A new id, greater than all that this process has made. */
export const generateId: () => string = /* @__PURE__ */ createIdSource()

function randomDigits(count: number): number[] {
  return Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => byte % 32)
}

/** Add one; false when all digits have run over to 0. */
function increment(digits: number[]): boolean {
  for (let index = digits.length - 1; index >= 0; index--) {
    const digit = ((digits[index] as number) + 1) % 32
    digits[index] = digit
    if (digit > 0) return true
  }
  return false
}

function timeText(milliseconds: number): string {
  let text = ''
  let rest = milliseconds
  while (text.length < TIME_DIGITS) {
    text = DIGITS[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}
