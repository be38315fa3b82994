/**
 * Lets discs glide to where they are next, instead of jumping. Positions in, positions in between out, once for
 * each frame until they have arrived. Jumps where the user asked for less motion, and over long ways.
 */
import type { FeatureCollection, Point, Position } from 'geojson'

const GLIDE_MS = 900
const FARTHEST_DEGREES = 0.02
const still = matchMedia('(prefers-reduced-motion: reduce)')

export class Gliding {
  private shown = new Map<string, Position>()
  private frame = 0

  constructor(private readonly draw: (features: FeatureCollection<Point>) => void) {}

  moveTo(target: FeatureCollection<Point>): void {
    cancelAnimationFrame(this.frame)
    const begin = performance.now()
    const from = new Map(this.shown)
    const step = (time: number) => {
      const part = still.matches ? 1 : Math.min(1, Math.max(0, (time - begin) / GLIDE_MS))
      this.draw(this.between(from, target, 1 - (1 - part) ** 2))
      if (part < 1) this.frame = requestAnimationFrame(step)
    }
    step(begin)
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
  }

  private between(from: ReadonlyMap<string, Position>, target: FeatureCollection<Point>, part: number) {
    const features = target.features.map((feature) => {
      const id = String(feature.properties?.id)
      const coordinates = mix(from.get(id), feature.geometry.coordinates, part)
      this.shown.set(id, coordinates)
      return { ...feature, geometry: { ...feature.geometry, coordinates } }
    })
    return { ...target, features }
  }
}

function mix(from: Position | undefined, to: Position, part: number): Position {
  const [x0, y0] = (from ?? to) as [number, number]
  const [x1, y1] = to as [number, number]
  if (Math.abs(x1 - x0) + Math.abs(y1 - y0) > FARTHEST_DEGREES) return to
  return [x0 + (x1 - x0) * part, y0 + (y1 - y0) * part]
}
