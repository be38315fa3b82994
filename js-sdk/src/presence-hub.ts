/**
 * The rooms that this tab is in, and the way of their bytes.
 *
 *     PresenceRoom ──> hub ──leading──> PresenceRelay ──> connection
 *                       └──following──> bus ──> hub of the leading tab ──> its relay
 *
 * What the server says of a room goes from the leading tab to all others. A room is kept open for as
 * long as some tab asks for it: followers say so again and again, because tabs die without a word.
 */

import type { Link } from './contract.js'
import { type Other, type Presence, PresenceMemory, PresenceRelay, PresenceRoom } from './presence.js'

const ASK_EVERY_MS = 20_000
const FORGET_AFTER_MS = 60_000

/** What travels between tabs. */
export interface PresenceMessages {
  /** A tab wants this room kept open, and says this of itself (empty: nothing). */
  presenceOut: { readonly room: string; readonly update: Uint8Array | null }
  /** The leading tab passes on what it heard; null means that the connection is lost. */
  presenceIn: { readonly room: string; readonly update: Uint8Array | null }
  /** A new leading tab asks who is where. */
  presenceAsk: null
}

export interface PresenceBus {
  send<Name extends keyof PresenceMessages>(name: Name, message: PresenceMessages[Name]): void
  on<Name extends keyof PresenceMessages>(
    name: Name,
    listener: (message: PresenceMessages[Name]) => void,
  ): () => void
}

interface Joined {
  // biome-ignore lint/suspicious/noExplicitAny: rooms of all kinds of states
  readonly room: PresenceRoom<any>
  users: number
}

interface Relayed {
  readonly relay: PresenceRelay
  readonly memory: PresenceMemory
  askedAt: number
}

export class PresenceHub {
  readonly #bus: PresenceBus
  readonly #now: () => number
  readonly #joined = new Map<string, Joined>()
  readonly #relays = new Map<string, Relayed>()
  readonly #stopListening: readonly (() => void)[]
  readonly #timer: ReturnType<typeof setInterval>
  #link: Link | null = null
  /** What was said in each room when the pause began; null while there is none. */
  #paused: Map<string, object | null> | null = null

  constructor(bus: PresenceBus, now: () => number = Date.now) {
    this.#bus = bus
    this.#now = now
    this.#stopListening = [
      bus.on('presenceIn', ({ room, update }) => this.#heard(room, update)),
      bus.on('presenceOut', ({ room, update }) => this.#asked(room, update)),
      bus.on('presenceAsk', () => {
        this.#ask()
        for (const { room } of this.#joined.values()) room.sayAgain()
      }),
    ]
    this.#timer = setInterval(() => {
      this.#ask()
      this.#forgetUnwanted()
    }, ASK_EVERY_MS)
  }

  /** This tab leads from now on, over this link. */
  lead(link: Link): void {
    this.#link = link
    for (const room of this.#joined.keys()) this.#relay(room)
    this.#bus.send('presenceAsk', null)
  }

  follow(): void {
    this.#link = null
    for (const room of [...this.#relays.keys()]) this.#close(room)
    this.#ask()
  }

  /** Say goodbye for now: nothing is said or heard until `resume`, and who has joined stays. */
  pause(): void {
    if (this.#paused !== null) return
    const said = new Map([...this.#joined].map(([name, { room }]) => [name, room.said as object | null]))
    for (const { room } of this.#joined.values()) {
      room.set(null)
      room.forget()
    }
    this.#paused = said
  }

  /** Say again what was said before `pause`, or since. */
  resume(): void {
    const said = this.#paused
    this.#paused = null
    for (const [name, state] of said ?? []) {
      const room = this.#joined.get(name)?.room
      if (room && room.said === null) room.set(state)
    }
    this.#ask()
  }

  close(): void {
    this.follow()
    clearInterval(this.#timer)
    for (const stop of this.#stopListening) stop()
    for (const { room } of this.#joined.values()) room.leave()
    this.#joined.clear()
  }

  join<State extends object>(name: string): Presence<State> {
    const joined = this.#joined.get(name) ?? this.#enter(name)
    joined.users++
    return new Visit<State>(joined.room, () => {
      joined.users--
      if (joined.users > 0) return
      joined.room.leave()
      this.#joined.delete(name)
    })
  }

  #enter(name: string): Joined {
    const room = new PresenceRoom<object>(name, (update) => this.#send(name, update))
    const joined = { room, users: 0 }
    this.#joined.set(name, joined)
    if (this.#link !== null) this.#relay(name)
    else if (this.#paused === null) this.#bus.send('presenceOut', { room: name, update: null })
    const known = this.#relays.get(name)?.memory.all()
    if (known) room.receive(known)
    return joined
  }

  #send(room: string, update: Uint8Array): void {
    if (this.#paused !== null) this.#paused.delete(room)
    else if (this.#link === null) this.#bus.send('presenceOut', { room, update })
    else this.#relay(room)?.send(update)
  }

  #asked(room: string, update: Uint8Array | null): void {
    const relay = this.#relay(room)
    const memory = this.#relays.get(room)?.memory
    if (update !== null) relay?.send(update)
    // A tab that has just come was not here when the others said who they are.
    else if (memory) this.#bus.send('presenceIn', { room, update: memory.all() })
  }

  #ask(): void {
    if (this.#link !== null || this.#paused !== null) return
    for (const [room, joined] of this.#joined) {
      this.#bus.send('presenceOut', { room, update: joined.room.ownState() })
    }
  }

  #heard(room: string, update: Uint8Array | null): void {
    const joined = this.#paused === null ? this.#joined.get(room) : undefined
    if (update === null) joined?.room.forget()
    else joined?.room.receive(update)
  }

  /** The relay of a room, made where it is missing; none while following. */
  #relay(room: string): PresenceRelay | null {
    if (this.#link === null) return null
    let relayed = this.#relays.get(room)
    if (relayed === undefined) {
      const memory = new PresenceMemory()
      const tell = (update: Uint8Array | null) => {
        if (update === null) memory.forget()
        else memory.take(update)
        this.#heard(room, update)
        this.#bus.send('presenceIn', { room, update })
      }
      const connected = () => {
        this.#joined.get(room)?.room.sayAgain()
        this.#bus.send('presenceAsk', null)
      }
      const relay = new PresenceRelay(room, this.#link, { received: tell, connected, lost: () => tell(null) })
      relayed = { relay, memory, askedAt: 0 }
      this.#relays.set(room, relayed)
    }
    relayed.askedAt = this.#now()
    return relayed.relay
  }

  #forgetUnwanted(): void {
    for (const [room, { askedAt }] of this.#relays) {
      if (!this.#joined.has(room) && this.#now() - askedAt >= FORGET_AFTER_MS) this.#close(room)
    }
  }

  #close(room: string): void {
    const relayed = this.#relays.get(room)
    this.#relays.delete(room)
    relayed?.relay.stop()
    relayed?.memory.destroy()
  }
}

/** One caller's part in a room of this tab; what it said ends with it. */
class Visit<State extends object> implements Presence<State> {
  readonly #room: PresenceRoom<State>
  readonly #onLeave: () => void
  #said: State | null = null
  #left = false

  constructor(room: PresenceRoom<State>, onLeave: () => void) {
    this.#room = room
    this.#onLeave = onLeave
  }

  get room(): string {
    return this.#room.room
  }

  get others(): readonly Other<State>[] {
    return this.#room.others
  }

  set(state: State | null): void {
    if (this.#left) return
    this.#said = state
    this.#room.set(state)
  }

  readonly subscribe = (listener: () => void): (() => void) => this.#room.subscribe(listener)

  leave(): void {
    if (this.#left) return
    if (this.#said !== null && this.#room.said === this.#said) this.#room.set(null)
    this.#left = true
    this.#onLeave()
  }
}
