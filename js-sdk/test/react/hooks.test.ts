/** The hooks, on a real client and a small server: what they show, when they show it anew, and what they leave. */
import 'fake-indexeddb/auto' // before Dexie, which looks for it once
import { createElement as h, StrictMode, useRef } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test, vi } from 'vitest'
import type { WebHostClient } from '../../src/client.js'
import {
  useClient,
  useLatestPositions,
  useLiveQuery,
  usePresence,
  useSyncStatus,
  useVehicle,
  WebHostProvider,
} from '../../src/react/index.js'
import { newPage } from '../client/browser.js'
import { eventually } from '../eventually.js'
import { newScreen } from './screen.js'

const page = newPage()
const SCHEMA = { vehicles: 'id, name' }
interface Vehicle {
  id: string
  name: string
}

// biome-ignore lint/suspicious/noExplicitAny: any schema will do
async function connected(schema: Record<string, string> = SCHEMA): Promise<WebHostClient<any>> {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const client = page.client() as WebHostClient<any>
  await client.connect(schema)
  return client
}

// biome-ignore lint/suspicious/noExplicitAny: as above
const within = (client: WebHostClient<any>, component: () => string) =>
  h(StrictMode, null, h(WebHostProvider, { client }, h(component)))

function VehicleName({ id, seen }: { id: string | null; seen: string[] }) {
  const text = `${id}: ${useVehicle<Vehicle>(id)?.name ?? 'none'}`
  seen.push(text)
  return text
}

function Count({ name, ran }: { name: string; ran: string[] }) {
  const { db } = useClient()
  const count = useLiveQuery(() => {
    ran.push(name)
    return db.table('vehicles').where('name').equals(name).count()
  }, [db, name])
  return `${name}: ${count ?? '…'}`
}

function Everything() {
  const [status, positions, vehicle] = [useSyncStatus(), useLatestPositions(), useVehicle('bus-7')]
  const query = useLiveQuery(() => 1)
  return `${status.phase} ${positions.size} ${vehicle} ${query} ${usePresence('yard').others.length}`
}

test('without a provider a hook says what is missing', async () => {
  const screen = newScreen()
  screen.show(h(() => String(useClient())))
  expect(screen.errors.map(String)).toEqual([
    'Error: no client here: put <WebHostProvider client={client}> around the app',
  ])
})

test('a vehicle is shown as soon as there is one, as it is now, and another is never shown in its place', async () => {
  const client = await connected()
  const screen = newScreen()
  const seen: string[] = []
  const show = (id: string | null) =>
    screen.show(h(StrictMode, null, h(WebHostProvider, { client }, h(VehicleName, { id, seen }))))
  show('bus-7')
  expect(screen.text()).toBe('bus-7: none')
  await client.db.vehicles.add({ id: 'bus-7', name: 'Bus 7' })
  await eventually(() => expect(screen.text()).toBe('bus-7: Bus 7'))
  await client.db.vehicles.update('bus-7', { name: 'Bus Seven' })
  await eventually(() => expect(screen.text()).toBe('bus-7: Bus Seven'))
  await client.db.vehicles.add({ id: 'bus-8', name: 'Bus 8' })
  show('bus-8')
  await eventually(() => expect(screen.text()).toBe('bus-8: Bus 8'))
  show(null)
  await eventually(() => expect(screen.text()).toBe('null: none'))
  show('bus-7')
  await client.db.vehicles.delete('bus-7')
  await eventually(() => expect(screen.text()).toBe('bus-7: none'))
  expect(seen.filter((text) => /^bus-8: Bus [^8]|^null: Bus|^bus-7: Bus 8/.test(text))).toEqual([])
})

test('a query runs again when what it read has changed, or what it depends on, and not for anything else', async () => {
  const client = await connected({ vehicles: 'id, name', drivers: 'id' })
  const screen = newScreen()
  const ran: string[] = []
  const show = (name: string) => screen.show(h(WebHostProvider, { client }, h(Count, { name, ran })))
  show('a')
  await eventually(() => expect(screen.text()).toBe('a: 0'))
  await client.db.vehicles.bulkAdd([
    { id: '1', name: 'a' },
    { id: '2', name: 'b' },
    { id: '3', name: 'b' },
  ])
  await eventually(() => expect(screen.text()).toBe('a: 1'))
  await client.db.drivers.add({ id: 'ada' })
  show('b')
  await eventually(() => expect(screen.text()).toBe('b: 2'))
  expect(ran).toEqual(['a', 'a', 'b'])
  screen.show(null)
  await client.db.vehicles.add({ id: '4', name: 'b' })
  await client.whenDurable()
  expect(ran).toEqual(['a', 'a', 'b'])
})

test('the error of a query is thrown where it is shown', async () => {
  const client = await connected()
  const screen = newScreen()
  screen.show(
    within(client, () => {
      const { db } = useClient()
      return String(useLiveQuery(() => db.table('vehicles').where('colour').equals('red').count()))
    }),
  )
  await eventually(() => expect(screen.errors.map(String).join()).toContain('colour'))
})

test('the status is shown as it changes, and a screen is not drawn again for nothing', async () => {
  const client = await connected()
  const screen = newScreen()
  screen.show(
    h(
      WebHostProvider,
      { client },
      h(() => {
        const status = useSyncStatus()
        const drawn = useRef(0)
        drawn.current += 1
        return `${status.phase} ${status.pending} ${status === client.status} ${drawn.current}`
      }),
    ),
  )
  await eventually(() => expect(screen.text()).toMatch(/^live 0 true/))
  page.server.react = () => {} // nothing is confirmed any more
  await client.db.vehicles.add({ id: 'bus-7', name: 'Bus 7' })
  await eventually(() => expect(screen.text()).toMatch(/^live 1 true/))
  await client.disconnect()
  await eventually(() => expect(screen.text()).not.toMatch(/^live/))
  expect(Number(screen.text().split(' ').at(-1))).toBeLessThan(20)
})

test('the newest positions are shown while somebody looks', async () => {
  const client = await connected()
  const screen = newScreen()
  screen.show(within(client, () => String(useLatestPositions().get('bus-7')?.latitude)))
  expect(screen.text()).toBe('undefined')
  await client.positions.record({ vehicleId: 'bus-7', latitude: 48, longitude: 11 })
  await eventually(() => expect(screen.text()).toBe('48'))
})

test('who is in a room is shown, and who no longer looks has left it', async () => {
  page.server.react = (frame) => {
    page.server.serve(frame)
    if (frame.kind !== 'presence') return
    for (const one of page.server.open) if (one !== frame.from) one.presence(frame.document, frame.bytes)
  }
  const [ada, bob] = [await connected(), await connected()]
  const screen = newScreen()
  const state = { name: 'Ada' }
  screen.show(
    within(ada, () =>
      usePresence<{ name: string }>('yard', state)
        .others.map((other) => other.state.name)
        .join(),
    ),
  )
  const there = bob.presence<{ name: string }>('yard')
  there.set({ name: 'Bob' })
  await eventually(() => expect(screen.text()).toBe('Bob'))
  await eventually(() => expect(there.others.map((other) => other.state.name)).toEqual(['Ada']))
  screen.show(null)
  await eventually(() => expect(there.others).toEqual([]))
  there.leave()
})

test('on a server there is nothing yet, and nothing is opened', async () => {
  const open = vi.spyOn(indexedDB, 'open')
  const client = page.client()
  expect(renderToString(h(WebHostProvider, { client }, h(Everything)))).toBe('closed 0 undefined undefined 0')
  expect(open).not.toHaveBeenCalled()
  open.mockRestore()
})
