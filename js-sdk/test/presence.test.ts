import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { modifyAwarenessUpdate } from 'y-protocols/awareness'
import type { Attachment, DocumentHandler, Link } from '../src/contract.js'
import { PresenceRoom } from '../src/presence.js'
import { type PresenceBus, PresenceHub } from '../src/presence-hub.js'

/** The tabs of one device: what one sends reaches all the others. */
class Tabs {
  readonly #listeners: { tab: number; name: string; listener: (message: never) => void }[] = []
  #tabs = 0

  bus(): PresenceBus {
    const tab = this.#tabs++
    return {
      send: (name, message) => {
        for (const other of [...this.#listeners]) {
          if (other.tab !== tab && other.name === name) other.listener(message as never)
        }
      },
      on: (name, listener) => {
        const entry = { tab, name, listener: listener as (message: never) => void }
        this.#listeners.push(entry)
        return () => void this.#listeners.splice(this.#listeners.indexOf(entry), 1)
      },
    }
  }
}

/** Rooms as the server keeps them: what one member says, all hear, itself too. */
class Rooms {
  readonly #members = new Map<string, Set<DocumentHandler>>()

  link(): Link {
    const attach = (document: string, handler: DocumentHandler): Attachment => {
      const members = this.#members.get(document) ?? new Set()
      this.#members.set(document, members.add(handler))
      queueMicrotask(() => void handler.opened({ epoch: 'e', writable: true, frameLimit: 1, frameTarget: 1 }))
      return {
        document,
        send: () => undefined,
        sendPresence: (update) => {
          for (const member of members) member.presence(update)
        },
        retry: () => undefined,
        detach: () => void members.delete(handler),
      }
    }
    return { attach } as Partial<Link> as Link
  }
}

describe('presence in a room', () => {
  const hubs: PresenceHub[] = []
  const hub = (bus: PresenceBus) => {
    hubs.push(new PresenceHub(bus))
    return hubs.at(-1) as PresenceHub
  }
  let rooms: Rooms
  beforeEach(() => {
    rooms = new Rooms()
  })
  afterEach(() => {
    for (const each of hubs.splice(0)) each.close()
  })
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve))

  test('shows the tabs of two devices to each other, and neither to itself', async () => {
    const [ada, bob] = [hub(new Tabs().bus()), hub(new Tabs().bus())]
    ada.lead(rooms.link())
    bob.lead(rooms.link())
    const [atAda, atBob] = [ada.join('v/1'), bob.join('v/1')]
    await settle()
    atAda.set({ name: 'Ada' })
    atBob.set({ name: 'Bob' })
    expect(atBob.others.map(({ state }) => state)).toEqual([{ name: 'Ada' }])
    expect(atAda.others.map(({ state }) => state)).toEqual([{ name: 'Bob' }])
    atAda.leave()
    expect(atBob.others).toEqual([])
  })

  test('of a following tab travels through the leading one, in both directions', async () => {
    const tabs = new Tabs()
    const [leader, follower, away] = [hub(tabs.bus()), hub(tabs.bus()), hub(new Tabs().bus())]
    const shown = follower.join('v/1')
    leader.lead(rooms.link())
    away.lead(rooms.link())
    const seen = away.join('v/1')
    await settle()
    shown.set({ name: 'Ada' })
    seen.set({ name: 'Bob' })
    expect(seen.others.map(({ state }) => state)).toEqual([{ name: 'Ada' }])
    expect(shown.others.map(({ state }) => state)).toEqual([{ name: 'Bob' }])
  })

  test('is told again by everybody when another tab takes the lead', async () => {
    const tabs = new Tabs()
    const [first, second, away] = [hub(tabs.bus()), hub(tabs.bus()), hub(new Tabs().bus())]
    first.lead(rooms.link())
    away.lead(rooms.link())
    const [shown, seen] = [second.join('v/1'), away.join('v/1')]
    await settle()
    shown.set({ name: 'Ada' })
    first.close()
    second.lead(rooms.link())
    await settle()
    expect(seen.others.map(({ state }) => state)).toContainEqual({ name: 'Ada' })
  })

  test('of two callers in one tab ends with the one who said it', async () => {
    const [ada, bob] = [hub(new Tabs().bus()), hub(new Tabs().bus())]
    ada.lead(rooms.link())
    bob.lead(rooms.link())
    const [editor, viewer, seen] = [ada.join('v/1'), ada.join('v/1'), bob.join('v/1')]
    await settle()
    editor.set({ editing: true })
    viewer.leave()
    expect(seen.others).toHaveLength(1)
    editor.leave()
    expect(seen.others).toHaveLength(0)
  })

  test('is forgotten when the connection is lost', async () => {
    const ada = hub(new Tabs().bus())
    const handlers: DocumentHandler[] = []
    const real = rooms.link()
    const attach: Link['attach'] = (document, handler) => {
      handlers.push(handler)
      return real.attach(document, handler)
    }
    ada.lead({ ...real, attach })
    const bob = hub(new Tabs().bus())
    bob.lead(rooms.link())
    const [seen, shown] = [ada.join('v/1'), bob.join('v/1')]
    await settle()
    shown.set({ name: 'Bob' })
    expect(seen.others).toHaveLength(1)
    handlers[0]?.offline()
    expect(seen.others).toHaveLength(0)
  })

  test('is told to a tab that comes later, whoever of the device and the others said it', async () => {
    const tabs = new Tabs()
    const [leader, away] = [hub(tabs.bus()), hub(new Tabs().bus())]
    leader.lead(rooms.link())
    away.lead(rooms.link())
    const [ada, bob] = [leader.join('v/1'), away.join('v/1')]
    await settle()
    ada.set({ name: 'Ada' })
    bob.set({ name: 'Bob' })
    const late = hub(tabs.bus()).join('v/1')
    expect(late.others.map(({ state }) => state)).toEqual(
      expect.arrayContaining([{ name: 'Ada' }, { name: 'Bob' }]),
    )
  })

  test('is shown again after a lost connection, and said again so that others believe it', async () => {
    const ada = hub(new Tabs().bus())
    const handlers: DocumentHandler[] = []
    const said: Uint8Array[] = []
    const real = rooms.link()
    const attach: Link['attach'] = (document, handler) => {
      handlers.push(handler)
      const attachment = real.attach(document, handler)
      return { ...attachment, sendPresence: (update) => void said.push(update) }
    }
    ada.lead({ ...real, attach })
    const seen = ada.join('v/1')
    await settle()
    seen.set({ name: 'Ada' })
    const bob = new PresenceRoom('v/1', () => undefined)
    bob.set({ name: 'Bob' })
    handlers[0]?.presence(bob.ownState())
    handlers[0]?.offline()
    expect(seen.others).toHaveLength(0)
    await handlers[0]?.opened({ epoch: 'e', writable: true, frameLimit: 1, frameTarget: 1 })
    handlers[0]?.presence(bob.ownState())
    expect(seen.others.map(({ state }) => state)).toEqual([{ name: 'Bob' }])
    bob.leave()

    // Somebody who has seen Ada leave with the socket believes a new clock only.
    const eve = new PresenceRoom('v/1', () => undefined)
    eve.receive(said.at(-2) as Uint8Array)
    expect(eve.others).toHaveLength(1)
    const gone = modifyAwarenessUpdate(said.at(-2) as Uint8Array, () => null)
    eve.receive(gone)
    expect(eve.others).toHaveLength(0)
    eve.receive(said.at(-1) as Uint8Array)
    expect(eve.others).toHaveLength(1)
    eve.leave()
  })
})
