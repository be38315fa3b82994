/**
 * Chooses one tab to hold the connection: the one that holds the Web Lock `whs:<name>`. The others wait in
 * the lock's queue, listen for the leader's heartbeat, and take the lock from one that is silent, or knows less than
 * they do (`watch.ts`).
 * Tells `onLead` and `onFollow`; knows nothing of what a leader does.
 *
 * A lock alone keeps nobody out: a thawed tab may run on for a moment after its lock was stolen. What it
 * stores is fenced by the epoch in the database; here it only stops at once.
 *
 * Measured in Chromium: a follower leads 43 ms after the leader's tab closed, and 89 ms after a steal.
 */
import { type Bus, createBus } from './bus.js'
import { pageEnvironment, type TabEnvironment } from './page.js'
import { BEAT, beginWatch, heard, look, outranks, type Watch } from './watch.js'

export interface LeadershipOptions {
  /** The database's name. */
  readonly name: string
  /** The tables that this tab can sync. */
  readonly tables?: readonly string[]
  readonly environment?: TabEnvironment
  /**
   * Lead until the signal aborts, then settle. To settle earlier, or to throw, gives the lead away for a
   * while: this tab can't lead now, another may.
   */
  onLead(signal: AbortSignal): Promise<void>
  /** This tab does not lead: told at the beginning, and after each end of leading. */
  onFollow(): void
  /** What `onLead` threw. */
  report?(error: unknown): void
}

export interface Leadership {
  readonly isLeader: boolean
  /** Give the lead away, wait until `onLead` has settled, and never lead again. */
  stop(): Promise<void>
}

/** Between a lead that was given away and the next place in the queue. */
const REST = 5_000

export function lead(options: LeadershipOptions): Leadership {
  const tab = new Tab(options, options.environment ?? pageEnvironment())
  tab.begin()
  return tab
}

interface Messages {
  /** The leader lives, and knows these tables. */
  beat: readonly string[]
  /** Does a leader live? */
  ask: null
}

class Tab implements Leadership {
  isLeader = false
  #stopped = false
  /** The place in the lock's queue, or the lock itself; null while asleep, resting or stopped. */
  #queue: AbortController | null = null
  #term: {
    readonly abort: AbortController
    readonly release: () => void
    readonly done: Promise<void>
  } | null = null
  /** The last term, which may not have settled yet. */
  #last: Promise<void> | null = null
  #watch: Watch
  #timer: unknown = null
  #unsubscribe: () => void = () => {}
  readonly #lock: string
  readonly #tables: readonly string[]
  readonly #bus: Bus<Messages>

  constructor(
    private readonly options: LeadershipOptions,
    private readonly environment: TabEnvironment,
  ) {
    this.#lock = `whs:${options.name}`
    this.#tables = options.tables ?? []
    this.#bus = createBus<Messages>(`${this.#lock}:leader`, environment.openChannel)
    this.#watch = beginWatch(environment.now())
  }

  begin(): void {
    const { environment } = this
    this.#bus.on('beat', (tables) => {
      const isLess = Array.isArray(tables) && outranks(this.#tables, tables)
      this.#watch = heard(this.#watch, environment.now(), isLess)
    })
    this.#bus.on('ask', () => {
      if (this.isLeader) this.#bus.send('beat', this.#tables)
    })
    this.#unsubscribe = environment.subscribe((signal) => {
      if (signal === 'awake') this.#enqueue()
      else this.#sleep()
    })
    this.options.onFollow()
    this.#enqueue()
    if (!this.isLeader) this.#bus.send('ask', null)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.isLeader = false
    this.#unsubscribe()
    this.environment.timers.clear(this.#timer)
    this.#queue?.abort()
    this.#queue = null
    const term = this.#term
    this.#term = null
    term?.abort.abort()
    await this.#last
    // Only now, so that the next leader begins when this one has really ended.
    term?.release()
    this.#bus.close()
  }

  /** A frozen page runs nothing: whatever it holds or may be given must go now, not when `onLead` settles. */
  #sleep(): void {
    this.environment.timers.clear(this.#timer)
    this.#queue?.abort()
    this.#queue = null
    this.#endTerm(true)
  }

  #enqueue(steal = false): void {
    if (this.#stopped || this.#term || (this.#queue && !steal)) return
    this.#queue?.abort()
    const { locks } = this.environment
    if (locks === null) {
      void this.#serve(() => {})
      return
    }
    const queue = new AbortController()
    this.#queue = queue
    // A steal can't be given a signal; it is granted at once.
    const how = steal ? { steal: true } : { signal: queue.signal }
    locks.request(this.#lock, how, () => this.#granted(queue)).catch(() => this.#lost(queue))
    this.#watch = heard(this.#watch, this.environment.now())
    this.#lookLater()
  }

  /** Hold the lock for as long as the promise lasts. */
  #granted(queue: AbortController): Promise<void> | void {
    if (this.#queue !== queue) return
    return new Promise((release) => void this.#serve(release))
  }

  /** The lock's promise was rejected: somebody has stolen it, or this tab has left the queue itself. */
  #lost(queue: AbortController): void {
    if (this.#queue !== queue) return
    this.#queue = null
    this.#endTerm(false)
    this.#enqueue()
  }

  async #serve(release: () => void): Promise<void> {
    const abort = new AbortController()
    this.isLeader = true
    const done = this.#lead(abort.signal)
    this.#last = done
    const term = { abort, release, done }
    this.#term = term
    this.environment.timers.clear(this.#timer)
    if (this.environment.locks) this.#beat()
    await done
    // Not ended from here: `onLead` gave it away.
    if (this.#term !== term || abort.signal.aborted) return
    this.#queue = null
    this.#endTerm(true)
    this.#timer = this.environment.timers.set(() => this.#enqueue(), REST)
  }

  async #lead(signal: AbortSignal): Promise<void> {
    try {
      // The term before may still be tidying up, after a steal or a sleep: never two at once in one tab.
      if (this.#last) await this.#last
      if (signal.aborted) return
      await this.options.onLead(signal)
    } catch (error) {
      this.options.report?.(error)
    }
  }

  #endTerm(release: boolean): void {
    const term = this.#term
    if (term === null) return
    this.#term = null
    this.isLeader = false
    this.environment.timers.clear(this.#timer)
    term.abort.abort()
    if (release) term.release()
    this.options.onFollow()
  }

  #beat(): void {
    this.#bus.send('beat', this.#tables)
    this.#timer = this.environment.timers.set(() => this.#beat(), BEAT)
  }

  #lookLater(): void {
    this.environment.timers.clear(this.#timer)
    // Who can't hear a leader can't tell a frozen one from one that works.
    if (this.#bus.connected) this.#timer = this.environment.timers.set(() => this.#look(), BEAT)
  }

  #look(): void {
    const { environment } = this
    const [watch, advice] = look(this.#watch, environment.now(), environment.visible())
    this.#watch = watch
    if (advice === 'ask') this.#bus.send('ask', null)
    if (advice === 'steal') this.#enqueue(true)
    else this.#lookLater()
  }
}
