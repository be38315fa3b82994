import type { FeatureCollection } from 'geojson'
import { Map as GlMap, LngLatBounds, NavigationControl, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Position } from 'webhost-sync'
import { Icon } from '../components/icon'
import type { Vehicle } from '../fleet'
import { Gliding } from './gliding'
import streets from './streets.json'
import { HOME, mapStyle } from './style'
import { addVehicleLayers, featuresOf, showVehicles, TOUCHABLE } from './vehicle-layers'

setWorkerUrl(workerUrl)

const still = matchMedia('(prefers-reduced-motion: reduce)')
const darkness = matchMedia('(prefers-color-scheme: dark)')
const CLOSE_ZOOM = 13

interface Props {
  vehicles: readonly Vehicle[]
  positions: ReadonlyMap<string, Position>
  selected: string | null
  onSelect: (id: string | null) => void
}

/** The vehicles where they were last seen. What it shows is in the list too, for those who can't see a map. */
export default function FleetMap({ vehicles, positions, selected, onSelect }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const dark = useDark()
  const drawn = useMap(place, dark, onSelect)
  const fitted = useRef(false)

  useEffect(() => {
    drawn?.gliding.moveTo(featuresOf(vehicles, positions, selected))
  }, [drawn, vehicles, positions, selected])

  // Only when another one is chosen: the map must not run after a bus while somebody looks elsewhere.
  const latest = useRef(positions)
  latest.current = positions
  useEffect(() => {
    const position = selected ? latest.current.get(selected) : undefined
    if (drawn && position) keepInView(drawn.map, position)
  }, [drawn, selected])

  useEffect(() => {
    if (!drawn || fitted.current || positions.size === 0 || vehicles.length === 0) return
    fitted.current = true
    if (!selected) fitAll(drawn.map, vehicles, positions, false)
  }, [drawn, vehicles, positions, selected])

  return (
    <>
      <div ref={place} className="map" data-drawn={drawn !== null} />
      <button
        type="button"
        className="map-fit"
        onClick={() => drawn && fitAll(drawn.map, vehicles, positions, true)}
      >
        <Icon name="fit" />
        Show all
      </button>
    </>
  )
}

interface Drawn {
  map: GlMap
  gliding: Gliding
}

function useMap(
  place: RefObject<HTMLDivElement | null>,
  dark: boolean,
  onSelect: (id: string | null) => void,
): Drawn | null {
  const [drawn, setDrawn] = useState<Drawn | null>(null)
  const select = useRef(onSelect)
  select.current = onSelect
  useEffect(() => {
    const map = new GlMap({
      container: place.current as HTMLDivElement,
      style: mapStyle(dark, streets as FeatureCollection),
      attributionControl: { compact: false },
      dragRotate: false,
      pitchWithRotate: false,
      maxZoom: 17,
      minZoom: 8.5,
      ...(still.matches && { fadeDuration: 0 }), // the rest MapLibre heeds by itself
      ...HOME,
    })
    map.touchZoomRotate.disableRotation()
    map.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    const gliding = new Gliding((features) => showVehicles(map, features))
    map.once('load', () => {
      addVehicleLayers(map, dark)
      setDrawn({ map, gliding })
    })
    map.on('click', (event) => {
      const { x, y } = event.point
      const reach: [[number, number], [number, number]] = [
        [x - 8, y - 8],
        [x + 8, y + 8],
      ]
      const [hit] = map.queryRenderedFeatures(reach, { layers: [TOUCHABLE] })
      select.current(hit ? String(hit.properties.id) : null)
    })
    map.on('mouseenter', TOUCHABLE, () => {
      map.getCanvas().style.cursor = 'pointer'
    })
    map.on('mouseleave', TOUCHABLE, () => {
      map.getCanvas().style.cursor = ''
    })
    return () => {
      gliding.stop()
      setDrawn(null)
      map.remove()
    }
  }, [place, dark])
  return drawn
}

function keepInView(map: GlMap, position: Position): void {
  const at: [number, number] = [position.longitude, position.latitude]
  map.easeTo({ center: at, zoom: Math.max(map.getZoom(), CLOSE_ZOOM), duration: 700 })
}

function fitAll(
  map: GlMap,
  vehicles: readonly Vehicle[],
  positions: ReadonlyMap<string, Position>,
  animate: boolean,
): void {
  const bounds = new LngLatBounds()
  for (const { id } of vehicles) {
    const position = positions.get(id)
    if (position) bounds.extend([position.longitude, position.latitude])
  }
  if (!bounds.isEmpty()) map.fitBounds(bounds, { padding: 70, maxZoom: 14, duration: animate ? 700 : 0 })
}

function useDark(): boolean {
  return useSyncExternalStore(
    (notify) => {
      darkness.addEventListener('change', notify)
      return () => darkness.removeEventListener('change', notify)
    },
    () => darkness.matches,
  )
}
