/** Sixteen city buses with their routes, for a look around. */
import type { WebHostClient } from 'webhost-sync'
import { COLORS, type Vehicle, vehiclesOf } from '../fleet'
import routes from './routes.json'

export interface Route {
  readonly id: string
  readonly line: readonly (readonly number[])[]
}

const DRIVERS = [
  ...['Amara Okafor', 'Jonas Lind', 'Priya Nair', 'Luis Ortega', 'Hana Sato', 'Eli Brooks', 'Mina Farouk'],
  ...['Tomas Vesely', 'Grace Kim', 'Noor Haddad', 'Pavel Ilic', 'Ines Moreau', 'Sam Whitfield', 'Aiko Mori'],
  ...['Rosa Delgado', 'Viktor Holm'],
]

/** The same ids on every device, so that adding it twice, or on two devices, makes no second fleet. */
const idOf = (bus: string) => `example-${bus}`

export const ROUTES: readonly Route[] = routes.map(({ bus, line }) => ({ id: idOf(bus), line }))

export async function addExampleFleet(client: WebHostClient): Promise<void> {
  const vehicles = vehiclesOf(client)
  const known = new Set(await vehicles.toCollection().primaryKeys())
  const added = routes.flatMap(({ bus }, index) => (known.has(idOf(bus)) ? [] : [exampleVehicle(bus, index)]))
  await vehicles.bulkPut(added)
}

function exampleVehicle(bus: string, index: number): Vehicle {
  const number = bus.replace('bus-', '')
  return {
    id: idOf(bus),
    name: `Bus ${number}`,
    plate: `CM ${number}`,
    group: index % 3 === 0 ? 'North' : index % 3 === 1 ? 'Centre' : 'South',
    driver: DRIVERS[index % DRIVERS.length] as string,
    status: index === 5 ? 'In the workshop' : 'In service',
    icon: 'bus',
    color: COLORS[index % COLORS.length] as string,
  }
}
