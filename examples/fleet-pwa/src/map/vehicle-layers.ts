/** The vehicles on the map: a disc in the vehicle's colour, an arrow in it while it drives, and its name. */

import type { FeatureCollection, Point } from 'geojson'
import type {
  ExpressionSpecification,
  GeoJSONSource,
  Map as GlMap,
  LayerSpecification,
  VariableAnchorOffsetCollectionSpecification,
} from 'maplibre-gl'
import type { Position } from 'webhost-sync'
import { colorOf, motionOf, type Vehicle } from '../fleet'
import { mapColors } from './style'

export const SOURCE = 'vehicles'
export const TOUCHABLE = 'vehicle-disc'
const ARROW = 'arrow'
const NO_ARROW = 'no arrow'
/** Below the disc, or else where there is room. */
const NAME_PLACES: VariableAnchorOffsetCollectionSpecification = [
  'top',
  [0, 1.1],
  'bottom',
  [0, -1.1],
  'left',
  [1.2, 0],
  'right',
  [-1.2, 0],
]

/** Lay the layers over the base map; again after each change of its style. */
export function addVehicleLayers(map: GlMap, dark: boolean): void {
  if (!map.hasImage(ARROW)) map.addImage(ARROW, arrowImage(), { pixelRatio: 4 })
  if (!map.hasImage(NO_ARROW)) map.addImage(NO_ARROW, new ImageData(48, 48), { pixelRatio: 4 })
  map.addSource(SOURCE, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } })
  for (const layer of layers(dark)) map.addLayer(layer)
}

export function showVehicles(map: GlMap, features: FeatureCollection<Point>): void {
  map.getSource<GeoJSONSource>(SOURCE)?.setData(features)
}

/** The vehicles that have a position, as GeoJSON; `selected` is drawn larger and on top. */
export function featuresOf(
  vehicles: readonly Vehicle[],
  positions: ReadonlyMap<string, Position>,
  selected: string | null,
): FeatureCollection<Point> {
  const now = Date.now()
  const features = vehicles.flatMap((vehicle) => {
    const position = positions.get(vehicle.id)
    if (!position) return []
    const motion = motionOf(position, now)
    const properties = {
      id: vehicle.id,
      name: vehicle.name,
      color: colorOf(vehicle),
      heading: position.headingDeg ?? 0,
      moving: motion === 'moving',
      quiet: motion === 'quiet',
      selected: vehicle.id === selected,
    }
    const coordinates = [position.longitude, position.latitude]
    return [{ type: 'Feature' as const, properties, geometry: { type: 'Point' as const, coordinates } }]
  })
  return { type: 'FeatureCollection', features }
}

const SELECTED: ExpressionSpecification = ['get', 'selected']

function layers(dark: boolean): LayerSpecification[] {
  const colors = mapColors(dark)
  const shade: ExpressionSpecification = ['case', ['get', 'quiet'], 0.45, 1]
  const lift: ExpressionSpecification = ['case', SELECTED, 1, 0]
  return [
    {
      id: 'vehicle-halo',
      type: 'circle',
      source: SOURCE,
      filter: ['==', SELECTED, true],
      paint: { 'circle-radius': 24, 'circle-color': ['get', 'color'], 'circle-opacity': 0.22 },
    },
    {
      id: TOUCHABLE,
      type: 'circle',
      source: SOURCE,
      layout: { 'circle-sort-key': lift },
      paint: {
        'circle-radius': ['case', SELECTED, 12, ['get', 'moving'], 9.5, 6.5],
        'circle-color': ['get', 'color'],
        'circle-opacity': shade,
        'circle-stroke-color': '#ffffff',
        'circle-stroke-width': ['case', SELECTED, 3, 2],
        'circle-stroke-opacity': shade,
      },
    },
    {
      id: 'vehicle-name',
      type: 'symbol',
      source: SOURCE,
      layout: {
        'text-field': ['get', 'name'],
        'text-font': ['system-ui', 'sans-serif'],
        'text-size': 12,
        'text-variable-anchor-offset': NAME_PLACES,
        'text-justify': 'auto',
        'text-padding': 1,
        'symbol-sort-key': ['case', SELECTED, 0, 1],
      },
      paint: { 'text-color': colors.label, 'text-halo-color': colors.halo, 'text-halo-width': 1.6 },
    },
    // Above the names, so that it is placed first: names then keep off all discs.
    {
      id: 'vehicle-arrow',
      type: 'symbol',
      source: SOURCE,
      layout: {
        'icon-image': ['case', ['get', 'moving'], ARROW, NO_ARROW],
        'icon-rotate': ['get', 'heading'],
        'icon-rotation-alignment': 'map',
        'icon-size': ['case', SELECTED, 1.25, 1],
        'icon-allow-overlap': true,
      },
    },
  ]
}

/** A white arrow that points up, drawn at four times its size. */
function arrowImage(): ImageData {
  const size = 48
  const canvas = new OffscreenCanvas(size, size)
  const pen = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D
  pen.fillStyle = '#ffffff'
  pen.beginPath()
  pen.moveTo(24, 3)
  pen.lineTo(41, 43)
  pen.lineTo(24, 34)
  pen.lineTo(7, 43)
  pen.closePath()
  pen.fill()
  return pen.getImageData(0, 0, size, size)
}
