/* Geofences as the API has them, as shapes that map.js draws. Pure. */

import { circle } from './map.js'

const point = ({ longitude, latitude }) => [longitude, latitude]

/** A fence as a shape for `setShapes`. */
export function shapeOf({ id, name, color, center, radius_m, points }) {
  const place = center ? { center: point(center), radiusM: radius_m } : { points: points.map(point) }
  return { id, name: name ?? id, color: color ?? undefined, ...place }
}

/** The points that have to be in view for all of a shape to be seen. */
export function outline({ center, radiusM, points }) {
  return center ? circle(center, radiusM, 8) : points
}
