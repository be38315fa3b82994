import type { FeatureCollection } from 'geojson'
import { Map as GlMap, NavigationControl, setWorkerUrl } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import { type RefObject, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Position } from 'webhost-sync'
import { Icon } from '../components/icon'
import type { Vehicle } from '../fleet'
import { Gliding } from './gliding'
import streets from './streets.json'
import { HOME, mapStyle } from './style'
import { addVehicleLayers, featuresOf, showVehicles, TOUCHABLE } from './vehicle-layers'
import { boundsOf, fit, isInView, keepInView } from './view'

setWorkerUrl(workerUrl)

const still = matchMedia('(prefers-reduced-motion: reduce)')
const darkness = matchMedia('(prefers-color-scheme: dark)')

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
  const fitted = useRef<{ on: Drawn; placed: number }>(null)

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

  // Whenever one more has a place: they come one after another, and the first alone would fill the map.
  useEffect(() => {
    if (!drawn || drawn.isHeld || selected) return
    const placed = vehicles.filter(({ id }) => positions.has(id)).length
    const before = fitted.current?.on === drawn ? fitted.current.placed : 0
    if (placed <= before) return
    fitted.current = { on: drawn, placed }
    const all = boundsOf(vehicles, positions)
    if (before === 0 || !isInView(drawn.map, all)) fit(drawn.map, all, before > 0)
  }, [drawn, vehicles, positions, selected])

  const showAll = () => {
    if (!drawn) return
    drawn.isHeld = false
    fit(drawn.map, boundsOf(vehicles, positions), true)
  }

  return (
    <>
      <div ref={place} className="map" data-drawn={drawn !== null} />
      <button type="button" className="map-fit" onClick={showAll}>
        <Icon name="fit" />
        Show all
      </button>
    </>
  )
}

interface Drawn {
  map: GlMap
  gliding: Gliding
  /** Whether somebody has moved it by hand: it is theirs then. */
  isHeld: boolean
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
      const made: Drawn = { map, gliding, isHeld: false }
      map.on('movestart', ({ originalEvent }) => {
        if (originalEvent) made.isHeld = true
      })
      setDrawn(made)
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

function useDark(): boolean {
  return useSyncExternalStore(
    (notify) => {
      darkness.addEventListener('change', notify)
      return () => darkness.removeEventListener('change', notify)
    },
    () => darkness.matches,
  )
}
