/**
 * The map's own look: streets that were worked out from a day of bus positions (`scripts/make-map.mjs`), so that
 * there is a city without any tile server. Asks for nothing over the network; names are drawn with the device's
 * own fonts.
 */

import type { Feature, FeatureCollection } from 'geojson'
import type { ExpressionSpecification, StyleSpecification } from 'maplibre-gl'

export interface MapColors {
  readonly land: string
  readonly grid: string
  readonly streets: readonly [string, string, string]
  readonly casing: string
  readonly label: string
  readonly halo: string
}

const LIGHT: MapColors = {
  land: '#e9ede7',
  grid: '#dfe5de',
  streets: ['#f4f6f2', '#ffffff', '#ffffff'],
  casing: '#a9baae',
  label: '#24312c',
  halo: '#f8faf7',
}

const DARK: MapColors = {
  land: '#101816',
  grid: '#18221f',
  streets: ['#1d2825', '#2a3733', '#3a4a45'],
  casing: '#0a100e',
  label: '#dfe9e4',
  halo: '#0c1311',
}

export const mapColors = (dark: boolean): MapColors => (dark ? DARK : LIGHT)

/** The middle of the city, before there is any vehicle to look at. */
export const HOME = { center: [-97.737, 30.286] as [number, number], zoom: 10.8 }

export function mapStyle(dark: boolean, streets: FeatureCollection): StyleSpecification {
  const colors = mapColors(dark)
  return {
    version: 8,
    sources: {
      streets: { type: 'geojson', data: streets, attribution: ATTRIBUTION },
      grid: { type: 'geojson', data: graticule() },
    },
    layers: [
      { id: 'land', type: 'background', paint: { 'background-color': colors.land } },
      { id: 'grid', type: 'line', source: 'grid', paint: { 'line-color': colors.grid, 'line-width': 1 } },
      {
        id: 'street-casing',
        type: 'line',
        source: 'streets',
        layout: ROUND,
        paint: { 'line-color': colors.casing, 'line-width': width(1.7, 3, 4.4) },
      },
      {
        id: 'street',
        type: 'line',
        source: 'streets',
        layout: ROUND,
        paint: {
          'line-color': [
            'match',
            ['get', 'class'],
            2,
            colors.streets[2],
            1,
            colors.streets[1],
            colors.streets[0],
          ],
          'line-width': width(0.9, 1.7, 3),
        },
      },
    ],
  }
}

const ATTRIBUTION = 'Streets from a day of bus positions (Capital Metro)'
const ROUND = { 'line-cap': 'round', 'line-join': 'round' } as const

/** Widths of the three classes at zoom 11; they grow with the map. */
function width(small: number, middle: number, large: number): ExpressionSpecification {
  const at = (factor: number): ExpressionSpecification => [
    'match',
    ['get', 'class'],
    2,
    large * factor,
    1,
    middle * factor,
    small * factor,
  ]
  return ['interpolate', ['exponential', 1.5], ['zoom'], 9, at(0.6), 11, at(1), 16, at(5)]
}

/** Thin lines every twentieth of a degree, so that even an empty part of the map moves under the hand. */
function graticule(): FeatureCollection {
  const step = 0.05
  const [west, south, east, north] = [-98.6, 29.6, -96.9, 31]
  const lines: Feature[] = []
  const add = (from: [number, number], to: [number, number]) =>
    lines.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: [from, to] } })
  for (let lng = west; lng <= east; lng += step) add([lng, south], [lng, north])
  for (let lat = south; lat <= north; lat += step) add([west, lat], [east, lat])
  return { type: 'FeatureCollection', features: lines }
}
