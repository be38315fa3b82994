/** What the compiler knows of a schema. `tsc` judges the types here; vitest only runs the file. */

import type { Dexie, Table } from 'dexie'
import { expectTypeOf, test } from 'vitest'
import type { WebHostClientOptions } from '../src/options.js'
import { table } from '../src/schema.js'
import type { StoresSchema, TableDef } from '../src/schema-rows.js'
import type { TablesOf, WebHostDb } from '../src/schema-types.js'

/** The signatures of the client that the types are for. */
// biome-ignore lint/suspicious/noExplicitAny: without a schema the database is any, by design.
declare class WebHostClient<S extends StoresSchema = any> {
  constructor(options: WebHostClientOptions)
  readonly db: WebHostDb<S>
  readonly syncManager: { readonly connected: boolean }
  connect<const T extends StoresSchema>(schema: T): Promise<WebHostDb<T>>
}

interface Vehicle {
  id: string
  name: string
  plate?: string
  odometerM?: number
}

interface Trip {
  vehicleId: string
  day: Date
  lengthM: number
}

const schema = {
  vehicles: table<Vehicle>()('++id, name, &plate'),
  trips: table<Trip>()('[vehicleId+day], lengthM'),
  notes: '++id, title, *tags, owner.id',
  places: 'code, name',
  settings: '',
} as const

/** Bodies are only type-checked: nothing is connected. */
function typed(_body: () => Promise<unknown>): void {}

test('the snippet of the guide compiles to the letter', () => {
  typed(async () => {
    const client = new WebHostClient({ apiUrl: 'https://your-app.fly.dev', apiKey: 'whs_live_your_key_here' })
    await client.connect({ vehicles: '++id, name' })
    client.syncManager.connected
    const db = client.db
    await db.vehicles.add({ name: 'Test Vehicle' })
    expectTypeOf(client.db).toBeAny()
  })
})

test('connect returns the typed database, a real Dexie', () => {
  typed(async () => {
    const client = new WebHostClient({ apiUrl: 'https://your-app.fly.dev', apiKey: 'whs_live_your_key_here' })
    const db = await client.connect({ vehicles: '++id, name' })
    expectTypeOf(db).toExtend<Dexie>()
    const id = await db.vehicles.add({ name: 'Test Vehicle' })
    expectTypeOf(id).toEqualTypeOf<string>()
    const vehicle = await db.vehicles.get(id)
    expectTypeOf(vehicle?.id).toEqualTypeOf<string | undefined>()
    expectTypeOf(vehicle?.name).toBeAny()
    await db.vehicles.update(id, { name: 'Other', driver: 'Ada' })
    await db.vehicles.where('name').equals('Other').modify({ name: 'Third' })
    await db.transaction('rw', db.vehicles, async () => db.vehicles.bulkAdd([{ name: 'A' }, { id: 'b' }]))
  })
})

test('a table with a type has its rows, and string ids that may be left out', () => {
  typed(async () => {
    const db = {} as WebHostDb<typeof schema>
    expectTypeOf(await db.vehicles.toArray()).toExtend<Vehicle[]>()
    expectTypeOf(await db.vehicles.add({ name: 'Bus' })).toEqualTypeOf<string>()
    await db.vehicles.add({ id: 'bus-7', name: 'Bus', plate: 'M-AB 1' })
    await db.vehicles.put({ name: 'Bus', odometerM: 5 })
    await db.vehicles.update('bus-7', { plate: 'M-AB 2' })
    expectTypeOf(db.trips).toEqualTypeOf<Table<Trip, [string, Date], Trip>>()
    await db.trips.get(['bus-7', new Date(0)])
    expectTypeOf(await db.notes.add({ title: 'x', tags: ['a'], more: 1 })).toEqualTypeOf<string>()
    await db.places.add({ code: 5, name: 'Depot' })
    await db.settings.put({ dark: true }, 'theme')
  })
})

test('a client that names its schema has a typed db at once', () => {
  typed(async () => {
    const client = new WebHostClient<typeof schema>({ apiUrl: 'https://your-app.fly.dev' })
    expectTypeOf(await client.db.vehicles.get('bus-7')).toExtend<Vehicle | undefined>()
  })
})

test('a row without the id in its type gets it; a union of rows stays one', () => {
  type Event = { kind: 'stop'; place: string } | { kind: 'fuel'; litres: number }
  const events = { events: table<Event>()('++id, kind, place') }
  typed(async () => {
    const db = {} as WebHostDb<typeof events>
    const event = await db.events.get('x')
    if (event?.kind === 'fuel') expectTypeOf(event.litres).toEqualTypeOf<number>()
    expectTypeOf(event?.id).toEqualTypeOf<string | undefined>()
    await db.events.add({ kind: 'fuel', litres: 40 })
    // @ts-expect-error a fuel event has litres
    await db.events.add({ kind: 'fuel', place: 'Depot' })
  })
})

test('a schema that is no literal makes tables of anything', () => {
  typed(async () => {
    const db = {} as WebHostDb<Record<string, string>>
    for (const table of Object.values(db as TablesOf<Record<string, string>>))
      await table.add({ name: 'Bus' })
    const typedLater: TableDef<Vehicle> = { stores: '++id' as string }
    expectTypeOf(typedLater.stores).toEqualTypeOf<string>()
  })
})

test('mistakes are errors', () => {
  typed(async () => {
    const db = {} as WebHostDb<typeof schema>
    // @ts-expect-error there is no such table
    await db.vehicels.toArray()
    // @ts-expect-error generated ids are strings
    await db.vehicles.get(5)
    // @ts-expect-error the name is missing
    await db.vehicles.add({ plate: 'M-AB 1' })
    // @ts-expect-error the name is text
    await db.vehicles.add({ name: 5 })
    // @ts-expect-error a vehicle has no such field
    await db.vehicles.add({ name: 'Bus', colour: 'red' })
    // @ts-expect-error the day of a trip is a Date
    await db.trips.delete(['bus-7', '2026-11-23'])
    // @ts-expect-error the id of a loose table is a string too
    await db.notes.get(5)
    // @ts-expect-error the index is no field of the row
    table<Vehicle>()('++id, nmae')
    // @ts-expect-error a generated id is no number
    table<{ id: number }>()('++id')
  })
})
