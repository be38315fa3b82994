/* Reads the map that the dashboard brings along (`basemap/make.mjs`), and draws the lines of the grid. */

/** GeoJSON of land, borders, states, lakes and names of places. */
export async function loadBaseMap() {
  const answer = await fetch(new URL('./base-map.json', import.meta.url))
  if (!answer.ok) throw new Error(`the base map did not load: ${answer.status}`)
  const { transform, arcs, objects, places } = await answer.json()
  const lines = arcs.map((arc) => decoded(arc, transform))
  const shapes = Object.entries(objects).map(([name, object]) => [name, geometry(object, lines)])
  return { ...Object.fromEntries(shapes), places: named(places) }
}

function decoded(arc, { scale, translate }) {
  let [x, y] = [0, 0]
  return arc.map(([dx, dy]) => {
    x += dx
    y += dy
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]]
  })
}

/** TopoJSON's arcs joined to rings or lines; a negative index is the arc from its end. */
function geometry({ type, arcs }, lines) {
  const joined = (indices) =>
    indices.flatMap((index, nth) => {
      const line = index < 0 ? lines[~index].toReversed() : lines[index]
      return nth ? line.slice(1) : line
    })
  const coordinates = type === 'MultiPolygon' ? arcs.map((rings) => rings.map(joined)) : arcs.map(joined)
  return { type, coordinates }
}

function named(places) {
  const features = places.map(([name, longitude, latitude, first], order) => ({
    type: 'Feature',
    properties: { name, order, country: first < 0, first: Math.abs(first) },
    geometry: { type: 'Point', coordinates: [longitude, latitude] },
  }))
  return { type: 'FeatureCollection', features }
}

const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]

/** The lines of latitude and longitude that are seen, about eight each way. */
export function grid(bounds) {
  const [west, east] = [bounds.getWest(), bounds.getEast()]
  const [south, north] = [Math.max(bounds.getSouth(), -85), Math.min(bounds.getNorth(), 85)]
  const step = STEPS.findLast((size) => (east - west) / size <= 12) ?? STEPS[0]
  const coordinates = []
  for (let n = Math.floor(west / step); n <= east / step; n++) coordinates.push([[n * step, south], [n * step, north]])
  for (let n = Math.floor(south / step); n <= north / step; n++) coordinates.push([[west, n * step], [east, n * step]])
  return { type: 'MultiLineString', coordinates }
}
