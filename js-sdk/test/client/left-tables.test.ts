/** A table leaves the schema while edits of it are on their way. */
import { expect, test } from 'vitest'
import { eventually } from '../eventually.js'
import { newPage } from './browser.js'

const page = newPage()

test.each(['before they were folded', 'after they were sent'])(
  'its edits become durable all the same when the app has left it out %s',
  async (when) => {
    const databaseName = `left ${when}`
    const { serve } = page.server
    const isSilent = when === 'before they were folded'
    page.server.react = (frame) => {
      if (!isSilent && frame.kind !== 'update') serve.call(page.server, frame)
    }
    const before = page.client({ databaseName, connectTimeoutMs: isSilent ? 0 : 3000 })
    await before.connect({ cars: 'id', trips: '++id, at' })
    await before.db.trips.bulkAdd([{ at: 1 }, { at: 2 }])
    if (!isSilent) await eventually(() => expect(page.server.of('update')).not.toHaveLength(0))
    await before.close()

    page.server.react = (frame) => page.server.serve(frame)
    const after = page.client({ databaseName })
    await after.connect({ cars: 'id' })
    await after.whenDurable({ timeout: 20_000 })
    expect(page.server.of('update').map(({ document }) => document)).toContain('tables/trips')
    await eventually(() => expect(after.status).toMatchObject({ phase: 'live', pending: 0, synced: true }))
    await after.close()

    const later = page.client({ databaseName })
    await later.connect({ cars: 'id' })
    expect((await later.inspect()).tables.map(({ name }) => name)).toEqual(['cars'])
  },
)
