/** The vehicles of the app: what a row holds, how one is changed, and how its last position reads. */
import type { Table } from 'dexie'
import { type Position, table, type WebHostClient } from 'webhost-sync'
import { useSyncStatus } from 'webhost-sync/react'

export interface Vehicle {
  id: string
  name: string
  plate?: string
  group?: string
  driver?: string
  status?: string
  icon?: string
  color?: string
  archived?: boolean
}

/** What the form edits. */
export type VehicleFields = Omit<Vehicle, 'id' | 'archived'>

export const SCHEMA = { vehicles: table<Vehicle>()('++id, name') }

export function vehiclesOf(client: WebHostClient): Table<Vehicle, string, Omit<Vehicle, 'id'>> {
  return client.db.vehicles
}

/** All of them, Bus 9 before Bus 10. */
export async function listVehicles(client: WebHostClient): Promise<Vehicle[]> {
  const { compare } = new Intl.Collator(undefined, { numeric: true })
  return (await vehiclesOf(client).toArray()).sort((one, other) => compare(one.name, other.name))
}

/** Change only what was edited, so that fields merge one by one with the edits of others. */
export async function saveVehicle(
  client: WebHostClient,
  id: string | null,
  edits: Partial<VehicleFields>,
): Promise<string> {
  const vehicles = vehiclesOf(client)
  if (id === null) return vehicles.add({ name: '', ...edits })
  await vehicles.update(id, edits)
  return id
}

export async function setArchived(client: WebHostClient, id: string, archived: boolean): Promise<void> {
  await vehiclesOf(client).update(id, { archived })
}

/** Whether this key or token may change vehicles. Until the server has said no, yes. */
export function useMayEdit(): boolean {
  return !useSyncStatus().readOnly.includes('vehicles')
}

export const STATUSES = ['In service', 'In the depot', 'In the workshop'] as const
export const KINDS = ['bus', 'van', 'truck', 'car', 'bike'] as const
export type Kind = (typeof KINDS)[number]
export const COLORS = ['#0f8a78', '#2f6fd0', '#7a55c7', '#c2417c', '#c8502b', '#b5830c', '#4d8a2a', '#5b6b73']

export function kindOf(vehicle: Vehicle): Kind {
  return KINDS.find((kind) => kind === vehicle.icon) ?? 'bus'
}

export function colorOf(vehicle: Vehicle): string {
  return vehicle.color ?? (COLORS[0] as string)
}

export type Motion = 'moving' | 'stopped' | 'quiet'

const QUIET_AFTER_MS = 10 * 60_000
const WALKING_MPS = 0.8

/** Whether it moves, as far as its last report can tell. */
export function motionOf(position: Position | undefined, now: number): Motion {
  if (!position || now - position.at.getTime() > QUIET_AFTER_MS) return 'quiet'
  return (position.speedMps ?? 0) > WALKING_MPS ? 'moving' : 'stopped'
}

export const MOTIONS: Record<Motion, string> = {
  moving: 'Moving',
  stopped: 'Stopped',
  quiet: 'No signal',
}
