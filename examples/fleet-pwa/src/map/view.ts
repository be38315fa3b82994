/** Which part of the world the map shows. */
import { type Map as GlMap, LngLatBounds } from 'maplibre-gl'
import type { Position } from 'webhost-sync'
import type { Vehicle } from '../fleet'

const CLOSE_ZOOM = 13

export function keepInView(map: GlMap, position: Position): void {
  const at: [number, number] = [position.longitude, position.latitude]
  map.easeTo({ center: at, zoom: Math.max(map.getZoom(), CLOSE_ZOOM), duration: 700 })
}

export function boundsOf(
  vehicles: readonly Vehicle[],
  positions: ReadonlyMap<string, Position>,
): LngLatBounds {
  const bounds = new LngLatBounds()
  for (const { id } of vehicles) {
    const position = positions.get(id)
    if (position) bounds.extend([position.longitude, position.latitude])
  }
  return bounds
}

export function isInView(map: GlMap, bounds: LngLatBounds): boolean {
  const view = map.getBounds()
  return view.contains(bounds.getSouthWest()) && view.contains(bounds.getNorthEast())
}

export function fit(map: GlMap, bounds: LngLatBounds, animate: boolean): void {
  if (!bounds.isEmpty()) map.fitBounds(bounds, { padding: 70, maxZoom: 14, duration: animate ? 700 : 0 })
}
