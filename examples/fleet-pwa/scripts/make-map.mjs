/**
 * Makes the map that the app brings along, and the routes of its example fleet, from a recorded day of the
 * city's buses: `node scripts/make-map.mjs`. The results are committed; run it again when this changes.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { network, way } from './driving.mjs'
import { lines, pieces, places, project, simplify, unproject } from './roads.mjs'

const RECORDING = new URL('../../fleet_demo/austin-buses-2016-11-26.csv', import.meta.url)
const CELL = 55
const REACH = 700
/** A bus that reported twice within this many metres has taken the shortest way between. */
const LONGEST_GAP = 6000
const EXAMPLES = 16
const ROUTE_METRES = 9000

const [, ...records] = readFileSync(RECORDING, 'utf8').trim().split('\n')
const fixes = records.map((record) => record.split(','))
const all = places(
  fixes.map(([, , lat, lng]) => [Number(lng), Number(lat)]),
  CELL,
)
const found = pieces(all, REACH)
const ways = network(all.length, found)

const cells = new Map(all.map(({ at }, index) => [cellOf(at), index]))
const drives = new Map()
const traffic = new Map()
for (const [bus, steps] of byBus()) {
  for (const [from, to] of pairs(steps)) {
    const driven =
      from === to ? null : way(ways, from, to, Math.min(LONGEST_GAP, 300 + 1.5 * apart(from, to)))
    for (const [a, b] of pairs(driven ?? []))
      traffic.set(pieceOf(a, b), (traffic.get(pieceOf(a, b)) ?? 0) + 1)
    const drive = drives.get(bus) ?? []
    drives.set(bus, driven ? [...drive, ...(drive.length ? driven.slice(1) : driven)] : drive)
  }
}

writeFileSync(new URL('../src/map/streets.json', import.meta.url), JSON.stringify(streets()))
writeFileSync(new URL('../src/demo/routes.json', import.meta.url), JSON.stringify(routes()))

/**
 * GeoJSON: the roads in three classes, by how many buses took them. A short connection that no bus took joins
 * the two sides of one road, and is left out.
 */
function streets() {
  const classes = [[], [], []]
  for (const line of lines(found)) {
    const steps = pairs(line)
    const mean = steps.reduce((sum, [a, b]) => sum + (traffic.get(pieceOf(a, b)) ?? 0), 0) / steps.length
    const metres = steps.reduce((sum, [a, b]) => sum + apart(a, b), 0)
    if (mean < 1 && metres < 500) continue
    const coordinates = simplify(
      line.map((index) => all[index].at),
      10,
    ).map(unproject)
    classes[mean >= 90 ? 2 : mean >= 25 ? 1 : 0].push(coordinates)
  }
  const features = classes.map((coordinates, index) => ({
    type: 'Feature',
    properties: { class: index },
    geometry: { type: 'MultiLineString', coordinates },
  }))
  return { type: 'FeatureCollection', features }
}

/** Ways of some buses, each about as long as the others, as points to drive along. */
function routes() {
  const longest = [...drives].sort(([, a], [, b]) => b.length - a.length).slice(0, 60)
  const step = Math.floor(longest.length / EXAMPLES)
  return longest
    .filter((_, index) => index % step === 0)
    .slice(0, EXAMPLES)
    .map(([bus, drive], index) => ({
      bus,
      line: simplify(stretch(drive, index), 10).map(unproject),
    }))
}

function stretch(drive, index) {
  const start = Math.floor((drive.length * (index + 1)) / (EXAMPLES + 4))
  let metres = 0
  let end = start
  while (end + 1 < drive.length && metres < ROUTE_METRES) {
    metres += apart(drive[end], drive[end + 1])
    end++
  }
  return drive.slice(start, end + 1).map((place) => all[place].at)
}

function byBus() {
  const buses = new Map()
  for (const [bus, , lat, lng] of fixes) {
    const place = nearest(project([Number(lng), Number(lat)]))
    buses.set(bus, [...(buses.get(bus) ?? []), place])
  }
  return buses
}

/** A fix's own cell has a place; its mean may have moved into the next one. */
function nearest(at) {
  const own = cells.get(cellOf(at))
  if (own !== undefined) return own
  let best = 0
  for (const [index, place] of all.entries())
    if (
      Math.hypot(place.at[0] - at[0], place.at[1] - at[1]) <
      Math.hypot(all[best].at[0] - at[0], all[best].at[1] - at[1])
    )
      best = index
  return best
}

function cellOf([x, y]) {
  return `${Math.round(x / CELL)},${Math.round(y / CELL)}`
}

function pairs(list) {
  return list.slice(1).map((item, index) => [list[index], item])
}

function apart(a, b) {
  return Math.hypot(all[a].at[0] - all[b].at[0], all[a].at[1] - all[b].at[1])
}

function pieceOf(a, b) {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}
