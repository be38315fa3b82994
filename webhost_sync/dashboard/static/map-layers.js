/* What the map draws, bottom to top, as MapLibre layers. Pure: knows colours and zooms, no map and no page. */

const EMPTY = { type: 'FeatureCollection', features: [] }
const FONT = ['system-ui', 'sans-serif']
const CLUSTER_ZOOM = 11

export const STATES = ['moving', 'stopped', 'offline']
export const COLOURS = ['water', 'land', 'border', 'state', 'grid', 'label', 'halo', 'moving', 'stopped', 'offline', 'track', 'fence', 'chosen']

/** A style without anything that would have to be fetched but, where they are wished for, tiles. */
export function style(colours, base, tiles) {
  const sources = {
    land: geojson(base.land, tiles ? undefined : 'Natural Earth, GeoNames'),
    borders: geojson(base.borders),
    states: geojson(base.states),
    lakes: geojson(base.lakes),
    places: geojson(base.places),
    grid: geojson(EMPTY),
    shapes: geojson(EMPTY),
    'shape-names': geojson(EMPTY),
    tracks: geojson(EMPTY),
    dots: geojson(EMPTY),
    vehicles: {
      ...geojson(EMPTY),
      cluster: true,
      clusterRadius: 34,
      clusterMaxZoom: CLUSTER_ZOOM,
      clusterProperties: { moving: countOf('moving'), stopped: countOf('stopped') },
    },
    chosen: geojson(EMPTY),
  }
  if (tiles) sources.tiles = { type: 'raster', tiles: [tiles.url], tileSize: 256, maxzoom: 19, attribution: tiles.attribution }
  return { version: 8, sources, layers: layers(colours, Boolean(tiles)) }
}

function countOf(state) {
  return ['+', ['case', ['==', ['get', 'state'], state], 1, 0]]
}

function geojson(data, attribution) {
  return attribution ? { type: 'geojson', data, attribution } : { type: 'geojson', data }
}

export function layers(c, tiled) {
  return [
    { id: 'water', type: 'background', paint: { 'background-color': c.water } },
    ...(tiled ? [{ id: 'tiles', type: 'raster', source: 'tiles' }] : [...ground(c), ...names(c)]),
    ...shapes(c),
    ...tracks(c),
    ...vehicles(c),
  ]
}

function ground(c) {
  return [
    { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': c.land } },
    { id: 'lakes', type: 'fill', source: 'lakes', paint: { 'fill-color': c.water } },
    { id: 'grid', type: 'line', source: 'grid', paint: { 'line-color': c.grid, 'line-width': 1 } },
    { id: 'states', type: 'line', source: 'states', minzoom: 3, paint: { 'line-color': c.state, 'line-width': 1 } },
    { id: 'borders', type: 'line', source: 'borders', paint: { 'line-color': c.border, 'line-width': width(0.6, 1.4) } },
  ]
}

function names(c) {
  const paint = { 'text-color': c.label, 'text-halo-color': c.halo, 'text-halo-width': 1.2 }
  const layout = { 'text-field': ['get', 'name'], 'text-font': FONT, 'symbol-sort-key': ['get', 'order'], 'text-max-width': 9 }
  const first = ['<=', ['get', 'first'], ['zoom']]
  return [
    {
      id: 'towns',
      type: 'symbol',
      source: 'places',
      filter: ['all', ['!', ['get', 'country']], first],
      layout: { ...layout, 'text-size': width(11, 15) },
      paint,
    },
    {
      id: 'countries',
      type: 'symbol',
      source: 'places',
      maxzoom: 7,
      filter: ['all', ['get', 'country'], first],
      layout: { ...layout, 'text-size': width(11, 15), 'text-letter-spacing': 0.12, 'text-transform': 'uppercase' },
      paint,
    },
  ]
}

function shapes(c) {
  const colour = ['coalesce', ['get', 'color'], c.fence]
  return [
    { id: 'shape-area', type: 'fill', source: 'shapes', filter: ['!=', ['get', 'open'], true], paint: { 'fill-color': colour, 'fill-opacity': ['case', ['get', 'selected'], 0.28, 0.14] } },
    { id: 'shape-line', type: 'line', source: 'shapes', paint: { 'line-color': colour, 'line-width': ['case', ['get', 'selected'], 3, 1.6] } },
    {
      id: 'shape-name',
      type: 'symbol',
      source: 'shape-names',
      minzoom: 9,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 12 },
      paint: { 'text-color': c.label, 'text-halo-color': c.halo, 'text-halo-width': 1.4 },
    },
  ]
}

function tracks(c) {
  const colour = ['coalesce', ['get', 'color'], c.track]
  const layout = { 'line-cap': 'round', 'line-join': 'round' }
  return [
    { id: 'track-casing', type: 'line', source: 'tracks', layout, paint: { 'line-color': c.halo, 'line-width': width(3, 8), 'line-opacity': 0.8 } },
    { id: 'track', type: 'line', source: 'tracks', layout, paint: { 'line-color': colour, 'line-width': width(1.6, 4.5), 'line-opacity': ['coalesce', ['get', 'opacity'], 1] } },
    {
      id: 'dot',
      type: 'circle',
      source: 'dots',
      paint: {
        'circle-radius': ['coalesce', ['get', 'radius'], 5],
        'circle-color': colour,
        'circle-stroke-color': c.halo,
        'circle-stroke-width': 2,
      },
    },
  ]
}

function vehicles(c) {
  const byState = ['match', ['get', 'state'], 'moving', c.moving, 'stopped', c.stopped, c.offline]
  const marker = {
    'icon-image': ['concat', 'vehicle-', ['get', 'state']],
    'icon-rotate': ['get', 'heading'],
    'icon-rotation-alignment': 'map',
    'icon-allow-overlap': true,
    'icon-ignore-placement': true,
  }
  const name = {
    'text-field': ['get', 'name'],
    'text-font': FONT,
    'text-size': 12,
    'text-variable-anchor-offset': ['top', [0, 1], 'bottom', [0, -1], 'left', [1.1, 0], 'right', [-1.1, 0]],
    'text-justify': 'auto',
    'text-optional': true,
  }
  const ink = { 'text-color': c.label, 'text-halo-color': c.halo, 'text-halo-width': 1.4 }
  const single = ['!', ['has', 'point_count']]
  return [
    {
      id: 'cluster',
      type: 'circle',
      source: 'vehicles',
      filter: ['has', 'point_count'],
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['get', 'point_count'], 2, 12, 20, 17, 100, 24],
        'circle-color': ['case', ['>', ['get', 'moving'], 0], c.moving, ['>', ['get', 'stopped'], 0], c.stopped, c.offline],
        'circle-stroke-color': c.halo,
        'circle-stroke-width': 2,
      },
    },
    {
      id: 'cluster-count',
      type: 'symbol',
      source: 'vehicles',
      filter: ['has', 'point_count'],
      layout: { 'text-field': ['get', 'point_count_abbreviated'], 'text-font': FONT, 'text-size': 12, 'text-allow-overlap': true },
      paint: { 'text-color': c.halo },
    },
    { id: 'vehicle-name', type: 'symbol', source: 'vehicles', minzoom: 11, filter: single, layout: name, paint: ink },
    {
      id: 'vehicle',
      type: 'symbol',
      source: 'vehicles',
      filter: single,
      layout: { ...marker, 'symbol-sort-key': ['match', ['get', 'state'], 'moving', 2, 'stopped', 1, 0] },
    },
    {
      id: 'chosen-halo',
      type: 'circle',
      source: 'chosen',
      paint: { 'circle-radius': 19, 'circle-color': byState, 'circle-opacity': 0.25, 'circle-stroke-color': c.chosen, 'circle-stroke-width': 2 },
    },
    { id: 'chosen', type: 'symbol', source: 'chosen', layout: { ...marker, 'icon-size': 1.25 } },
    { id: 'chosen-name', type: 'symbol', source: 'chosen', layout: { ...name, 'text-allow-overlap': true, 'text-size': 13 }, paint: ink },
  ]
}

/** Grows from the first to the second value between zooms 2 and 14. */
function width(least, most) {
  return ['interpolate', ['linear'], ['zoom'], 2, least, 14, most]
}

/** One marker for each state: an arrow while it moves, else a disc, outlined in the halo's colour. */
export function markers(colours) {
  return STATES.map((state) => [`vehicle-${state}`, marker(state, colours)])
}

function marker(state, colours) {
  const size = 48
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  pen.fillStyle = colours[state]
  pen.strokeStyle = colours.halo
  pen.lineWidth = 4
  pen.lineJoin = 'round'
  pen.beginPath()
  if (state === 'moving') {
    for (const [x, y] of [[24, 4], [40, 42], [24, 34], [8, 42]]) pen.lineTo(x, y)
    pen.closePath()
  } else {
    pen.arc(24, 24, state === 'stopped' ? 12 : 9, 0, 2 * Math.PI)
  }
  pen.fill()
  pen.stroke()
  return pen.getImageData(0, 0, size, size)
}
