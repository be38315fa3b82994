/**
 * Drives the example fleet along its routes, there and back, and records a position for each bus every few
 * seconds, as a device on board would. Ends with the tab.
 */
import type { WebHostClient } from 'webhost-sync'
import { ROUTES } from './example-fleet'
import { type Leg, legsOf, placeAt } from './route'

const EVERY_MS = 3000
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | null = null

export const isDriving = () => timer !== null

export function onDriving(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function startDriving(client: WebHostClient): void {
  const buses = ROUTES.map(({ id, line }, index) => ({
    id,
    legs: legsOf(line),
    driven: index * 700,
    cruise: 8 + (index % 5),
  }))
  const step = () => {
    for (const bus of buses) {
      const now = Date.now()
      const waits = Math.sin(now / 23_000 + bus.cruise * 7) > 0.82
      const speed = waits ? 0 : bus.cruise
      bus.driven += (speed * EVERY_MS) / 1000
      report(client, bus.id, bus.legs, bus.driven, speed, now)
    }
  }
  stopDriving()
  timer = setInterval(step, EVERY_MS)
  step()
  for (const listener of listeners) listener()
}

export function stopDriving(): void {
  if (timer !== null) clearInterval(timer)
  timer = null
  for (const listener of listeners) listener()
}

function report(
  client: WebHostClient,
  id: string,
  legs: readonly Leg[],
  driven: number,
  speed: number,
  at: number,
) {
  const { latitude, longitude, headingDeg } = placeAt(legs, driven)
  void client.positions.record({ vehicleId: id, at, latitude, longitude, speedMps: speed, headingDeg })
}
