/** A device over real sockets, with a server that holds nothing. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { DeviceBusy, NotDurable, ServerError, WebHostConfigError } from '../../src/errors.js'
import { WebHostDevice } from '../../src/node/device.js'
import type { WebHostDeviceOptions } from '../../src/node/device-options.js'
import { eventually } from '../eventually.js'
import { SyncServer } from '../wire/sync-server.js'
import { newDirectory } from './directory.js'

const KEY = `whs_test_${'0'.repeat(64)}`
const NOWHERE = 'http://127.0.0.1:9'

async function newServer(): Promise<SyncServer> {
  const server = await new SyncServer().start()
  onTestFinished(() => server.stop())
  return server
}

async function newDevice(options: Partial<WebHostDeviceOptions> = {}): Promise<WebHostDevice> {
  const dataDir = options.dataDir ?? (await newDirectory())
  const device = new WebHostDevice({ apiUrl: NOWHERE, apiKey: KEY, dataDir, ...options })
  onTestFinished(() => device.close())
  return device
}

describe('a device', () => {
  it('sends rows and positions, and says when they are durable', async () => {
    const server = await newServer()
    const device = await newDevice({ apiUrl: server.apiUrl, deviceId: 'truck-7' })
    const { vehicles } = await device.connect({ vehicles: '++id, name' }, { requireOnline: true })
    expect(device.status).toMatchObject({ phase: 'live', connected: true, pending: 0 })
    await vehicles.add({ name: 'Test Vehicle' })
    await device.positions.record({ vehicleId: 'truck-7', latitude: 48.1, longitude: 11.5, at: 0 })
    await device.whenDurable({ timeout: 20_000 })
    await eventually(() => expect(device.status.pending).toBe(0))
    const sent = server.of('update').map(({ document }) => document)
    expect(sent).toContain('tables/vehicles')
    expect(device.id).toMatch(/^truck-7-[0-9a-z]{8}$/)
    expect(sent).toContain(`track/truck-7/1970-01-01/${device.id}`)
  })

  it('sends the edits of a table that the schema has no more, and does not show it', async () => {
    const dataDir = await newDirectory()
    const offline = await newDevice({ dataDir })
    const { trips } = await offline.connect({ vehicles: '++id', trips: '++id' })
    await trips.add({ from: 'A' })
    await offline.close()
    const server = await newServer()
    const device = await newDevice({ dataDir, apiUrl: server.apiUrl })
    const tables = await device.connect({ vehicles: '++id' })
    expect(Object.keys(tables)).toEqual(['vehicles'])
    await device.whenDurable({ timeout: 20_000 })
    expect(server.of('update').map(({ document }) => document)).toContain('tables/trips')
  })

  it('works without a server, keeps what it was given, and sends it after a restart', async () => {
    const dataDir = await newDirectory()
    const offline = await newDevice({ dataDir })
    const { vehicles } = await offline.connect({ vehicles: '++id' })
    expect(offline.status).toMatchObject({ phase: 'offline', connected: false })
    const id = await vehicles.add({ name: 'In a tunnel' })
    await offline.positions.record({ vehicleId: id, latitude: 1, longitude: 2 })
    const deviceId = offline.id
    await expect(offline.whenDurable({ timeout: 20 })).rejects.toThrow(NotDurable)
    expect(offline.status.pending).toBe(2)
    await offline.close()
    expect(offline.status).toMatchObject({ phase: 'closed', connected: false })

    const server = await newServer()
    const online = await newDevice({ dataDir, apiUrl: server.apiUrl })
    const tables = await online.connect({ vehicles: '++id' })
    expect(online.id).toBe(deviceId)
    expect(await tables.vehicles.get(id)).toEqual({ id, name: 'In a tunnel' })
    await online.whenDurable({ timeout: 20_000 })
    expect(server.of('update')).toHaveLength(2)
    expect(await online.positions.recorded(id)).toBe(1)
    expect(await online.positions.recorded('another')).toBe(0)
  })

  it('tells of its status, and shelves what the server refuses', async () => {
    const server = await newServer()
    server.react = (frame) => {
      if (frame.kind === 'update') frame.from.refuse(frame.document, 'not_allowed')
      else server.serve(frame)
    }
    const device = await newDevice({ apiUrl: server.apiUrl })
    const phases: string[] = []
    device.subscribe(({ phase }) => phases.push(phase))
    const rejected = vi.fn()
    device.on('rejected', rejected)
    const { vehicles } = await device.connect({ vehicles: 'id' })
    expect(phases).toContain('opening')
    expect(phases.at(-1)).toBe('live')
    await vehicles.add({ id: 'bus', name: 'Bus' })
    await eventually(() => expect(device.status.rejected).toBe(1))
    expect(await vehicles.toArray()).toEqual([])
    const [edit] = await device.rejectedEdits()
    expect(edit).toMatchObject({ table: 'vehicles', key: 'bus', kind: 'add', fields: { name: 'Bus' } })
    expect(edit?.reason.code).toBe('not_allowed')
    expect(rejected).toHaveBeenCalledWith(edit)
    server.react = (frame) => server.serve(frame)
    await device.retry([edit?.id ?? 0])
    await device.whenDurable({ timeout: 20_000 })
    expect(await vehicles.get('bus')).toEqual({ id: 'bus', name: 'Bus' })
    expect(await device.rejectedEdits()).toEqual([])
  })

  it('takes another schema at any time', async () => {
    const device = await newDevice()
    await device.connect({ vehicles: 'id' })
    await device.tables.vehicles.add({ id: 'bus' })
    const both = await device.connect({ vehicles: 'id', trips: '++id' })
    await both.trips.add({ from: 'here' })
    expect(await both.vehicles.toArray()).toEqual([{ id: 'bus' }])
  })

  it('says what is wrong', async () => {
    const dataDir = await newDirectory()
    const device = await newDevice({ dataDir, deviceId: 'one' })
    expect(() => device.tables).toThrow(/await device\.connect/)
    await expect(device.positions.record({ vehicleId: 'v', latitude: 1, longitude: 2 })).rejects.toThrow(
      /connect/,
    )
    await device.connect({ vehicles: 'id' })
    await expect((await newDevice({ dataDir })).connect({ vehicles: 'id' })).rejects.toThrow(DeviceBusy)
    await device.close()
    const other = await newDevice({ dataDir, deviceId: 'two' })
    await expect(other.connect({ vehicles: 'id' })).rejects.toThrow(/belongs to the device 'one-/)
    const online = device.connect({ vehicles: 'id' }, { requireOnline: true })
    await expect(online).rejects.toThrow(ServerError)
    for (const wrong of [
      { dataDir: '' },
      { deviceId: 'a/b' },
      { apiUrl: 'x' },
      { apiKey: 'x' },
      { connectTimeoutMs: -1 },
    ])
      await expect(newDevice(wrong)).rejects.toThrow(WebHostConfigError)
  })

  it('tries refused positions again', async () => {
    const server = await newServer()
    let refuses = true
    server.react = (frame) => {
      if (frame.kind === 'update' && refuses) frame.from.refuse(frame.document, 'not_allowed')
      else server.serve(frame)
    }
    const device = await newDevice({ apiUrl: server.apiUrl })
    await device.connect({})
    await device.positions.record({ vehicleId: 'truck-7', latitude: 48.1, longitude: 11.5, at: 0 })
    const [edit] = await eventually(async () => {
      const edits = await device.rejectedEdits()
      expect(edits).toHaveLength(1)
      return edits
    })
    refuses = false
    await device.retry([edit?.id as number])
    expect(await device.rejectedEdits()).toEqual([])
    await device.whenDurable({ timeout: 20_000 })
    expect(server.of('update').length).toBeGreaterThanOrEqual(2)
  })

  it('never reads that nothing is pending right after a write', async () => {
    const device = await newDevice()
    const { vehicles } = await device.connect({ vehicles: '++id, name' })
    await vehicles.add({ name: 'Test Vehicle' })
    expect(device.status.pending).toBe(1)
    await device.positions.record({ vehicleId: 'truck-7', latitude: 48.1, longitude: 11.5 })
    await eventually(() => expect(device.status.pending).toBe(2))
  })

  it('can be connected and closed in any order without waiting', async () => {
    const server = await newServer()
    const device = await newDevice({ apiUrl: server.apiUrl })
    const both = [device.connect({ vehicles: 'id' }), device.close(), device.connect({ vehicles: 'id' })]
    await Promise.all(both)
    expect(server.open).toHaveLength(1)
    expect(device.status.phase).toBe('live')
    await Promise.all([device.connect({ vehicles: 'id' }), device.close()])
    await eventually(() => expect(server.open).toHaveLength(0))
  })
})
