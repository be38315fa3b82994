/** Ways through the graph of `roads.mjs`: between two places along its pieces. Knows no fixes and no files. */

/** For each place the pieces that lead away from it. */
export function network(placeCount, found) {
  const ways = Array.from({ length: placeCount }, () => [])
  for (const { from, to, length } of found) {
    ways[from].push({ to, length })
    ways[to].push({ to: from, length })
  }
  return ways
}

/** The shortest way between two places as a list of places, or null where it is longer than `limit` metres. */
export function way(ways, from, to, limit) {
  const best = new Map([[from, 0]])
  const cameFrom = new Map()
  const open = [from]
  const done = new Set()
  while (open.length) {
    let nearest = 0
    for (let i = 1; i < open.length; i++) if (best.get(open[i]) < best.get(open[nearest])) nearest = i
    const [here] = open.splice(nearest, 1)
    if (here === to) return unwind(cameFrom, to)
    if (done.has(here)) continue
    done.add(here)
    for (const { to: next, length } of ways[here]) {
      const total = best.get(here) + length
      if (total > limit || total >= (best.get(next) ?? Number.POSITIVE_INFINITY)) continue
      best.set(next, total)
      cameFrom.set(next, here)
      open.push(next)
    }
  }
  return null
}

function unwind(cameFrom, to) {
  const steps = [to]
  while (cameFrom.has(steps[0])) steps.unshift(cameFrom.get(steps[0]))
  return steps
}
