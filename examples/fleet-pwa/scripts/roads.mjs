/**
 * Streets without a map: where buses have been all day, there is a road. Fixes in, a graph of places and the
 * road pieces between them out. Knows no files.
 *
 * Fixes are averaged in cells, so that both directions of a road become one, and neighbouring places are
 * joined where no third one lies between them (the relative neighbourhood graph: Toussaint, "The relative
 * neighbourhood graph of a finite planar set", Pattern Recognition 12, 1980).
 */
const METRES_PER_DEGREE = 111_320
const LATITUDE = 30.28
const SHRINK = Math.cos((LATITUDE * Math.PI) / 180)

/** Metres east and north of 0, 0; good within one city. */
export const project = ([lng, lat]) => [lng * METRES_PER_DEGREE * SHRINK, lat * METRES_PER_DEGREE]
/** Degrees, to five digits: a metre. */
export const unproject = ([x, y]) => [
  Number((x / METRES_PER_DEGREE / SHRINK).toFixed(5)),
  Number((y / METRES_PER_DEGREE).toFixed(5)),
]

const distance = ([x1, y1], [x2, y2]) => Math.hypot(x1 - x2, y1 - y2)

/** One place for each cell that was visited: its mean position in metres, and how many fixes it had. */
export function places(fixes, cellSize) {
  const cells = new Map()
  for (const fix of fixes) {
    const [x, y] = project(fix)
    const key = `${Math.round(x / cellSize)},${Math.round(y / cellSize)}`
    const cell = cells.get(key) ?? { x: 0, y: 0, visits: 0 }
    cells.set(key, { x: cell.x + x, y: cell.y + y, visits: cell.visits + 1 })
  }
  return [...cells.values()].map(({ x, y, visits }) => ({ at: [x / visits, y / visits], visits }))
}

/** For each place the indexes of others within reach, nearest first, with their distance. */
export function neighbours(all, reach) {
  const grid = new Map()
  const cellOf = ([x, y]) => [Math.floor(x / reach), Math.floor(y / reach)]
  for (const [index, { at }] of all.entries()) {
    const key = cellOf(at).join()
    grid.set(key, [...(grid.get(key) ?? []), index])
  }
  const around = ([cx, cy]) => [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [cx + dx, cy + dy].join()))
  return all.map(({ at }, index) =>
    around(cellOf(at))
      .flatMap((key) => grid.get(key) ?? [])
      .filter((other) => other !== index)
      .map((other) => ({ other, length: distance(at, all[other].at) }))
      .filter(({ length }) => length <= reach)
      .sort((a, b) => a.length - b.length),
  )
}

/** The pieces of road: pairs of places that no third one is nearer to than they are to each other. */
export function pieces(all, reach) {
  const near = neighbours(all, reach)
  const lengths = near.map((list) => new Map(list.map(({ other, length }) => [other, length])))
  const found = []
  for (const [from, list] of near.entries()) {
    for (const { other: to, length } of list) {
      if (to < from) continue
      const between = list.some(
        ({ other, length: first }) =>
          first < length && (lengths[to].get(other) ?? Number.POSITIVE_INFINITY) < length,
      )
      if (!between) found.push({ from, to, length })
    }
  }
  return found
}

/** Join pieces that meet at a place where nothing else does into lines, as lists of places. */
export function lines(found) {
  const meeting = new Map()
  for (const piece of found)
    for (const end of [piece.from, piece.to]) meeting.set(end, [...(meeting.get(end) ?? []), piece])
  const taken = new Set()
  const follow = (start, piece) => {
    const line = [start]
    let here = start
    for (let next = piece; next && !taken.has(next); ) {
      taken.add(next)
      here = next.from === here ? next.to : next.from
      line.push(here)
      const on = meeting.get(here)
      next = on.length === 2 ? on.find((other) => !taken.has(other)) : undefined
    }
    return line
  }
  const ends = [...meeting].filter(([, list]) => list.length !== 2)
  const fromEnds = ends.flatMap(([place, list]) =>
    list.filter((piece) => !taken.has(piece)).map((piece) => follow(place, piece)),
  )
  const circles = found.filter((piece) => !taken.has(piece)).map((piece) => follow(piece.from, piece))
  return [...fromEnds, ...circles].filter((line) => line.length > 1)
}

/** Leave out points that lie within `tolerance` metres of the line without them (Douglas and Peucker, 1973). */
export function simplify(points, tolerance) {
  if (points.length < 3) return points
  const [first, last] = [points[0], points.at(-1)]
  const span = distance(first, last) || 1
  let worst = 0
  let index = 0
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i]
    const off = Math.abs((last[0] - first[0]) * (first[1] - y) - (first[0] - x) * (last[1] - first[1])) / span
    if (off > worst) [worst, index] = [off, i]
  }
  if (worst <= tolerance) return [first, last]
  return [
    ...simplify(points.slice(0, index + 1), tolerance).slice(0, -1),
    ...simplify(points.slice(index), tolerance),
  ]
}
