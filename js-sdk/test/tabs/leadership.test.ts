import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ChannelLike, createBus, openChannel } from '../../src/tabs/bus.js'
import { type Leadership, lead } from '../../src/tabs/leadership.js'
import type { PageSignal, TabEnvironment } from '../../src/tabs/page.js'
import { eventually } from '../eventually.js'
import { LocalLocks } from './lock-manager.js'

let locks: LocalLocks
let now: number
let tabs: Tab[]
let name: string
let databases = 0

/** One tab: what it was told, and what the test does to it. */
class Tab {
  readonly told: string[] = []
  visible = true
  /** Timers don't run. */
  still = false
  /** Messages don't come. */
  deaf = false
  /** `onLead` settles when this does. */
  settles: Promise<void> = Promise.resolve()
  fails = false
  readonly leadership: Leadership
  signal: (signal: PageSignal) => void = () => {}
  #timers = new Set<{ at: number; callback: () => void }>()

  constructor(environment: Partial<TabEnvironment> = {}, tables: readonly string[] = []) {
    tabs.push(this)
    this.leadership = lead({
      name,
      tables,
      environment: {
        locks,
        openChannel: (channel) => this.#open(channel),
        visible: () => this.visible,
        subscribe: (listener) => {
          this.signal = listener
          return () => {}
        },
        now: () => now,
        timers: {
          set: (callback, ms) => {
            const timer = { at: now + ms, callback }
            this.#timers.add(timer)
            return timer
          },
          clear: (timer) => this.#timers.delete(timer as never),
        },
        ...environment,
      },
      onLead: async (signal) => {
        this.told.push('lead')
        if (this.fails) throw new Error('can not lead')
        await new Promise((done) => signal.addEventListener('abort', done))
        this.told.push('aborted')
        await this.settles
        this.told.push('settled')
      },
      onFollow: () => this.told.push('follow'),
    })
  }

  #open(channel: string): ChannelLike {
    const inner = openChannel(channel) as ChannelLike
    return {
      postMessage: (message) => inner.postMessage(message),
      addEventListener: (type, listener) =>
        inner.addEventListener(type, (event) => {
          if (!this.deaf) listener(event)
        }),
      close: () => inner.close(),
    }
  }

  tick(): void {
    if (this.still) return
    for (const timer of [...this.#timers]) {
      if (timer.at > now) continue
      this.#timers.delete(timer)
      timer.callback()
    }
  }
}

beforeEach(() => {
  locks = new LocalLocks()
  now = 1_000_000
  tabs = []
  name = `fleet ${++databases}`
})

afterEach(async () => {
  for (const { leadership } of tabs) await leadership.stop()
})

/** A message there and back: what was posted before has arrived. */
const delivered = async () => {
  const [here, there] = [new BroadcastChannel('delivered'), new BroadcastChannel('delivered')]
  there.onmessage = () => there.postMessage('back')
  await new Promise((done) => {
    here.onmessage = done
    here.postMessage('there')
  })
  here.close()
  there.close()
}

const pass = async (ms: number) => {
  for (const end = now + ms; now < end; ) {
    now = Math.min(end, now + 500)
    for (const tab of tabs) tab.tick()
    await delivered()
    await delivered()
  }
}

const leads = (tab: Tab) => eventually(() => expect(tab.leadership.isLeader).toBe(true))
const pair = async () => {
  const first = new Tab()
  await leads(first)
  const second = new Tab()
  await pass(2_000)
  return [first, second] as const
}

describe('of two tabs', () => {
  test('one leads, and the other when the first has really ended', async () => {
    const [first, second] = await pair()
    expect([first.told, second.told]).toEqual([['follow', 'lead'], ['follow']])
    let settle = () => {}
    first.settles = new Promise((done) => (settle = done))
    const stopped = first.leadership.stop()
    await pass(2_000)
    expect(second.leadership.isLeader).toBe(false)
    settle()
    await stopped
    await leads(second)
    expect(first.told).toEqual(['follow', 'lead', 'aborted', 'settled'])
  })

  test('a frozen leader is robbed after ten seconds, and stops at once when it thaws', async () => {
    const [first, second] = await pair()
    first.still = true
    first.deaf = true
    await pass(8_000)
    expect(second.leadership.isLeader).toBe(false)
    await pass(4_000)
    await leads(second)
    await eventually(() => expect(first.told).toEqual(['follow', 'lead', 'follow', 'aborted', 'settled']))
    first.still = false
    first.deaf = false
    await pass(60_000)
    expect(tabs.filter(({ leadership }) => leadership.isLeader)).toEqual([second])
    await second.leadership.stop()
    await leads(first)
  })

  test('a hidden one does not rob', async () => {
    const [first, second] = await pair()
    first.still = true
    first.deaf = true
    second.visible = false
    await pass(60_000)
    expect(second.leadership.isLeader).toBe(false)
    second.visible = true
    await pass(2_000)
    await leads(second)
  })

  test('a leader whose timers are throttled answers, and is left alone', async () => {
    const [first, second] = await pair()
    first.still = true
    await pass(60_000)
    expect(first.leadership.isLeader).toBe(true)
    expect(second.told).toEqual(['follow'])
  })

  test('one that is put away gives the lead to the other at once, and comes back into the queue', async () => {
    const [first, second] = await pair()
    let settle = () => {}
    first.settles = new Promise((done) => (settle = done))
    first.signal('asleep')
    expect(first.leadership.isLeader).toBe(false)
    await leads(second)
    first.signal('awake')
    await second.leadership.stop()
    await leads(first)
    expect(first.told).toEqual(['follow', 'lead', 'follow', 'aborted'])
    settle()
    await eventually(() => expect(first.told.slice(-2)).toEqual(['settled', 'lead']))
  })

  test('one that is asleep is given nothing', async () => {
    const [first, second] = await pair()
    second.signal('asleep')
    await first.leadership.stop()
    await pass(2_000)
    expect(second.leadership.isLeader).toBe(false)
    second.signal('awake')
    await leads(second)
  })

  test('one that can not lead lets the other, and tries again later', async () => {
    const first = new Tab()
    await leads(first)
    const second = new Tab()
    second.fails = true
    await first.leadership.stop()
    await eventually(() => expect(second.told).toEqual(['follow', 'lead', 'follow']))
    second.fails = false
    await pass(5_000)
    await leads(second)
  })
})

describe('a tab that knows more tables', () => {
  const older = () => new Tab({}, ['cars'])
  const newer = () => new Tab({}, ['cars', 'trips'])
  const leaders = () => tabs.filter(({ leadership }) => leadership.isLeader)

  test('takes the lead over from older ones, and none of them takes it back', async () => {
    const first = older()
    await leads(first)
    older()
    const better = newer()
    const other = newer()
    await pass(6_000)
    await eventually(() => expect(leaders()).toHaveLength(1))
    const [leader] = leaders() as [Tab]
    expect([better, other]).toContain(leader)
    expect(first.told).toEqual(['follow', 'lead', 'follow', 'aborted', 'settled'])
    const told = tabs.map((tab) => tab.told.length)
    await pass(700_000)
    expect(leaders()).toEqual([leader])
    expect(tabs.map((tab) => tab.told.length)).toEqual(told)
  })

  test('waits while it is hidden', async () => {
    const first = older()
    await leads(first)
    const better = newer()
    better.visible = false
    await pass(20_000)
    expect(leaders()).toEqual([first])
    better.visible = true
    await pass(4_000)
    await leads(better)
  })

  test('but lacks others leaves the leader alone', async () => {
    const first = older()
    await leads(first)
    new Tab({}, ['trips', 'stops'])
    await pass(60_000)
    expect(leaders()).toEqual([first])
  })

  test('leaves the lead to an older one when it goes', async () => {
    const first = older()
    await leads(first)
    const better = newer()
    await pass(4_000)
    await leads(better)
    await better.leadership.stop()
    await leads(first)
  })
})

describe('where something is missing', () => {
  test('without locks the process leads', async () => {
    const tab = new Tab({ locks: null })
    expect(tab.told).toEqual(['follow', 'lead'])
    await tab.leadership.stop()
    expect(tab.leadership.isLeader).toBe(false)
    expect(tab.told).toEqual(['follow', 'lead', 'aborted', 'settled'])
  })

  test('without channels the lock alone decides, and nobody is robbed', async () => {
    const first = new Tab({ openChannel: () => null })
    await leads(first)
    const second = new Tab({ openChannel: () => null })
    await pass(60_000)
    expect(second.told).toEqual(['follow'])
    await first.leadership.stop()
    await leads(second)
  })
})

describe('the bus', () => {
  interface Messages {
    status: { pending: number }
    wake: null
  }

  test('carries messages by name to the other tabs, until they close or stop listening', async () => {
    const [one, two] = [createBus<Messages>(name), createBus<Messages>(name)]
    const heard: unknown[] = []
    const end = two.on('status', (data) => heard.push(data))
    one.on('status', () => heard.push('own'))
    two.on('wake', (data) => heard.push(data))
    one.send('status', { pending: 3 })
    one.send('wake', null)
    await eventually(() => expect(heard).toEqual([{ pending: 3 }, null]))
    end()
    one.send('status', { pending: 2 })
    one.send('wake', null)
    await eventually(() => expect(heard).toEqual([{ pending: 3 }, null, null]))
    one.close()
    two.close()
    one.send('wake', null)
  })

  test('ignores what others say on the channel, and works where there is none', async () => {
    const bus = createBus<Messages>(name)
    const heard: unknown[] = []
    bus.on('wake', (data) => heard.push(data))
    const stranger = new BroadcastChannel(name)
    for (const message of ['wake', { wake: null }, [7], null, ['other'], ['wake', null]]) {
      stranger.postMessage(message)
    }
    await eventually(() => expect(heard).toEqual([null]))
    stranger.close()
    bus.close()
    const alone = createBus<Messages>(name, () => null)
    alone.send('wake', null)
    expect(alone.connected).toBe(false)
    alone.close()
  })
})
