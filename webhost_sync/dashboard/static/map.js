/* The map of every page that has one. A page writes `ui.map(…)` into its template, imports this file from
   beside it (such names become addresses), and does

       const map = await createMap(element, [[longitude, latitude], …])  // it begins with these in view; null
                                                // where there is no WebGL, and the element says so
       map.setVehicles([{ id, name, longitude, latitude, headingDeg, state }])   // state: moving, stopped, offline
       map.choose(id)                           // drawn larger, above the rest, never in a cluster; null for none
       map.setTracks([{ id, points: [[longitude, latitude], …], color?, opacity? }])
       map.setDots([{ id, point: [longitude, latitude], color?, radius?, … }])
       map.setShapes([{ id, name, points | center + radiusM, color?, selected?, open? }])
       map.fit([[longitude, latitude], …])      // all of them in view
       map.show([longitude, latitude])          // brought into view, close enough to see streets
       map.on('vehicle' | 'shape' | 'dot', ({ id }) => …); map.on('ground', ({ at, pixel }) => …)
       map.setDrawing(true)                     // clicks are for the ground: they hit nothing but dots, and a
                                                // double click is two of them
       map.gl                                   // MapLibre's own map, for what isn't here

   Colours come from the variables `--map-…` of map.css, and follow the page's scheme by themselves. Degrees are
   WGS 84. It asks for nothing from elsewhere, but for tiles where the server names some (MAP_TILE_URL). */

import { AttributionControl, LngLatBounds, Map as GlMap, NavigationControl, ScaleControl, setWorkerUrl } from './maplibre-gl.mjs'
import { grid, loadBaseMap } from './base-map.js'
import { COLOURS, layers, markers, style } from './map-layers.js'

const EARTH_M = 6371008.8
const STREETS_ZOOM = 13
const NEAR = 9
const VIEW = { padding: 48, maxZoom: 14 }
const TOUCHABLE = { chosen: 'vehicle', vehicle: 'vehicle', dot: 'dot', 'shape-area': 'shape' }

setWorkerUrl(new URL('./maplibre-gl-worker.mjs', import.meta.url).href)

/** Draw a map into the element. Resolves when it can be drawn on; with null where this browser has no WebGL. */
export async function createMap(element, points = []) {
  try {
    const map = new FleetMap(element, await loadBaseMap(), points)
    await map.loaded
    element.dataset.mapState = 'ready'
    element.map = map
    return map
  } catch (error) {
    element.dataset.mapState = 'failed'
    element.querySelector('[data-map-note]').hidden = false
    if (!/webgl/i.test(error.message)) console.error(error)
    return null
  }
}

class FleetMap {
  #element
  #tiles
  #vehicles = []
  #chosen = null
  #drawing = false
  #drawn = {}
  #listeners = { vehicle: [], shape: [], dot: [], ground: [] }

  constructor(element, base, points) {
    this.#element = element
    const { tileUrl, tileAttribution } = element.dataset
    this.#tiles = tileUrl ? { url: new URL(tileUrl, location.href).href.replaceAll('%7B', '{').replaceAll('%7D', '}'), attribution: tileAttribution } : null
    const colours = this.#colours()
    this.gl = new GlMap({
      container: element,
      style: style(colours, base, this.#tiles),
      // The world, where nothing is to be in view: one that is drawn first and left at once costs as much as the place.
      ...(points.length ? { bounds: around(points), fitBoundsOptions: VIEW } : { center: [0, 25], zoom: 1.2 }),
      maxZoom: 19,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 120, // the rest MapLibre heeds by itself
      renderWorldCopies: true,
    })
    this.gl.touchZoomRotate.disableRotation()
    this.gl.keyboard.disableRotation()
    this.gl.getCanvas().setAttribute('aria-label', element.dataset.label)
    this.gl.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    this.gl.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left')
    this.gl.addControl(new AttributionControl({ compact: true }), 'bottom-right')
    for (const [name, image] of markers(colours)) this.gl.addImage(name, image, { pixelRatio: 2 })
    // Before anything is drawn, so that what a page sets at once is drawn with the rest.
    this.loaded = new Promise((resolve) => { this.gl.once('style.load', resolve) })
    this.gl.once('load', () => element.querySelector('.maplibregl-ctrl-attrib')?.classList.remove('maplibregl-compact-show'))
    if (!this.#tiles) {
      const draw = () => this.#set('grid', [feature({}, 'MultiLineString', grid(this.gl.getBounds()).coordinates)])
      this.gl.once('style.load', draw)
      this.gl.on('moveend', draw)
    }
    this.#listen()
    this.#followScheme()
  }

  on(name, listener) {
    this.#listeners[name].push(listener)
  }

  setVehicles(vehicles) {
    this.#vehicles = vehicles.filter(({ longitude }) => longitude !== null && longitude !== undefined)
    this.#drawVehicles()
  }

  choose(id) {
    this.#chosen = id
    this.#drawVehicles()
  }

  setTracks(tracks) {
    this.#set('tracks', tracks.map(({ points, ...properties }) => feature(properties, 'LineString', points)))
  }

  setDots(dots) {
    this.#set('dots', dots.map(({ point, ...properties }) => feature(properties, 'Point', point)))
  }

  setShapes(shapes) {
    const rings = shapes.map(({ points, center, radiusM }) => (center ? circle(center, radiusM) : theShortWay(points)))
    // The name at a point of its own: an area may be cut into tiles, and would get one in each.
    this.#set('shape-names', shapes.map(({ name }, index) => feature({ name }, 'Point', middle(rings[index]))))
    this.#set('shapes', shapes.map(({ points, center, radiusM, ...properties }, index) => {
      const ring = rings[index]
      const open = properties.open || ring.length < 3
      const given = { selected: false, open, ...properties, color: painted(properties.color) }
      return open ? feature({ ...given, open }, 'LineString', ring) : feature(given, 'Polygon', [[...ring, ring[0]]])
    }))
  }

  setDrawing(active) {
    this.#drawing = active
    this.#element.classList.toggle('is-drawing', active)
    this.gl.doubleClickZoom[active ? 'disable' : 'enable']()
  }

  fit(points, { animate = false, maxZoom = VIEW.maxZoom } = {}) {
    if (points.length) this.gl.fitBounds(around(points), { ...VIEW, maxZoom, duration: animate ? 500 : 0 })
  }

  show(point) {
    this.gl.easeTo({ center: point, zoom: Math.max(this.gl.getZoom(), STREETS_ZOOM), duration: 500 })
  }

  destroy() {
    this.gl.remove()
  }

  /** Setting data draws the whole map anew, also where it says what is there already. */
  #set(source, features) {
    const text = JSON.stringify(features)
    if (this.#drawn[source] === text) return
    this.#drawn[source] = text
    this.gl.getSource(source).setData({ type: 'FeatureCollection', features })
  }

  #drawVehicles() {
    const features = this.#vehicles.map(({ longitude, latitude, headingDeg, ...rest }) =>
      feature({ ...rest, heading: headingDeg ?? 0 }, 'Point', [longitude, latitude]))
    const isChosen = ({ properties }) => properties.id === this.#chosen
    this.#set('vehicles', features.filter((one) => !isChosen(one)))
    this.#set('chosen', features.filter(isChosen))
  }

  #listen() {
    const hit = ({ x, y }) => {
      const around = [[x - NEAR, y - NEAR], [x + NEAR, y + NEAR]]
      if (this.#drawing) return this.gl.queryRenderedFeatures(around, { layers: ['dot'] })[0]
      const [cluster] = this.gl.queryRenderedFeatures([x, y], { layers: ['cluster'] })
      if (cluster) return cluster
      const found = this.gl.queryRenderedFeatures(around, { layers: ['chosen', 'vehicle', 'dot'] })[0]
      return found ?? this.gl.queryRenderedFeatures([x, y], { layers: ['shape-area'] })[0]
    }
    this.gl.on('click', async ({ point, lngLat }) => {
      const at = [lngLat.lng, lngLat.lat]
      const found = hit(point)
      if (found?.layer.id === 'cluster') {
        const zoom = await this.gl.getSource('vehicles').getClusterExpansionZoom(found.properties.cluster_id)
        this.gl.easeTo({ center: found.geometry.coordinates, zoom: zoom + 0.3, duration: 400 })
        return
      }
      const name = found ? TOUCHABLE[found.layer.id] : 'ground'
      for (const listener of this.#listeners[name]) listener({ ...found?.properties, at, pixel: point })
      if (name !== 'ground') for (const listener of this.#listeners.ground) listener({ at, pixel: point, over: name })
    })
    this.gl.on('mousemove', ({ point }) => {
      this.gl.getCanvas().classList.toggle('is-over', Boolean(hit(point)))
    })
  }

  #colours() {
    return Object.fromEntries(COLOURS.map((name) => [name, colour(`--map-${name}`)]))
  }

  #followScheme() {
    const repaint = () => {
      const colours = this.#colours()
      for (const { id, paint = {} } of layers(colours, Boolean(this.#tiles)))
        for (const [property, value] of Object.entries(paint)) this.gl.setPaintProperty(id, property, value)
      for (const [name, image] of markers(colours)) this.gl.updateImage(name, image)
    }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint)
    new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ['data-theme'] })
  }
}

function feature(properties, type, coordinates) {
  return { type: 'Feature', properties, geometry: { type, coordinates } }
}

/** What one of the page's colours (`--map-track`) comes to: it may be `light-dark(…)`. */
export function colour(name) {
  const probe = document.createElement('span')
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** A colour in the one form that MapLibre takes any of; undefined for what is none, which people can type. */
function painted(color) {
  if (!color) return undefined
  const pen = document.createElement('canvas').getContext('2d')
  const tried = ['#000000', '#ffffff'].map((before) => {
    pen.fillStyle = before
    pen.fillStyle = color
    return pen.fillStyle
  })
  return tried[0] === tried[1] ? tried[0] : undefined
}

/** The same points, each within half a turn of the one before: so does an edge go over the 180th meridian. */
function theShortWay(points) {
  const ring = []
  for (const [longitude, latitude] of points) {
    const before = ring.at(-1)?.[0] ?? longitude
    ring.push([before + ((((longitude - before + 180) % 360) + 360) % 360) - 180, latitude])
  }
  return ring
}

function around(points) {
  return points.reduce((all, point) => all.extend(point), new LngLatBounds())
}

/** The middle of the box around the points. */
function middle(ring) {
  return [0, 1].map((axis) => {
    const values = ring.map((point) => point[axis])
    return (Math.min(...values) + Math.max(...values)) / 2
  })
}

/** A circle on the ground as a ring of points. */
export function circle([longitude, latitude], radiusM, corners = 64) {
  const [lat, lng, reach] = [radians(latitude), radians(longitude), radiusM / EARTH_M]
  return Array.from({ length: corners }, (_, index) => {
    const bearing = (2 * Math.PI * index) / corners
    const y = Math.asin(Math.sin(lat) * Math.cos(reach) + Math.cos(lat) * Math.sin(reach) * Math.cos(bearing))
    const x = lng + Math.atan2(Math.sin(bearing) * Math.sin(reach) * Math.cos(lat), Math.cos(reach) - Math.sin(lat) * Math.sin(y))
    return [degrees(x), degrees(y)]
  })
}

/** Metres between two points on the sphere. */
export function distanceM([lng1, lat1], [lng2, lat2]) {
  const half = (a, b) => Math.sin(radians(b - a) / 2) ** 2
  const part = half(lat1, lat2) + Math.cos(radians(lat1)) * Math.cos(radians(lat2)) * half(lng1, lng2)
  return 2 * EARTH_M * Math.asin(Math.sqrt(Math.min(1, part)))
}

const radians = (angle) => (angle * Math.PI) / 180
const degrees = (angle) => (angle * 180) / Math.PI
