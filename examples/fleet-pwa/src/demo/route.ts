/** Places along a line, by the way driven. Pure. */
const METRES_PER_DEGREE = 111_320

export interface Leg {
  readonly from: readonly [lng: number, lat: number]
  readonly to: readonly [lng: number, lat: number]
  readonly metres: number
  readonly heading: number
}

export function legsOf(line: readonly (readonly number[])[]): Leg[] {
  return line.slice(1).map((point, index) => {
    const from = line[index] as unknown as [number, number]
    const to = point as unknown as [number, number]
    const shrink = Math.cos((from[1] * Math.PI) / 180)
    const east = (to[0] - from[0]) * METRES_PER_DEGREE * shrink
    const north = (to[1] - from[1]) * METRES_PER_DEGREE
    return { from, to, metres: Math.hypot(east, north), heading: bearing(east, north) }
  })
}

/** Where something is that has driven so many metres, there and back and there again. */
export function placeAt(
  legs: readonly Leg[],
  driven: number,
): { latitude: number; longitude: number; headingDeg: number } {
  const total = legs.reduce((sum, { metres }) => sum + metres, 0)
  const lap = driven % (2 * total)
  const back = lap > total
  let left = back ? 2 * total - lap : lap
  let index = 0
  for (; index < legs.length - 1 && left > (legs[index] as Leg).metres; index++)
    left -= (legs[index] as Leg).metres
  const leg = legs[index] as Leg
  const part = leg.metres ? Math.min(left / leg.metres, 1) : 0
  return {
    longitude: leg.from[0] + (leg.to[0] - leg.from[0]) * part,
    latitude: leg.from[1] + (leg.to[1] - leg.from[1]) * part,
    headingDeg: back ? (leg.heading + 180) % 360 : leg.heading,
  }
}

function bearing(east: number, north: number): number {
  return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360
}
