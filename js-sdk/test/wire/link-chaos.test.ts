import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Attachment, DocumentHandler, Link } from '../../src/contract.js'
import { createLink } from '../../src/wire/link.js'
import { eventually } from '../eventually.js'
import { type Client, type Received, SyncServer } from './sync-server.js'

/** Commits in the order of arrival, and late, and answers each commit, also to who has left the document. */
class CommittingServer extends SyncServer {
  readonly committed = new Set<string>()
  readonly #lines = new Map<Client, Map<string, Received[]>>()
  /** Refuse this many updates for now. */
  moody = 0

  override serve(frame: Received): void {
    if (frame.kind !== 'update') super.serve(frame)
    else if (frame.from.hears(frame.document)) this.#line(frame).push(frame)
  }

  /** Commit the first `count` of each line. */
  commit(count: number): void {
    for (const lines of this.#lines.values()) {
      for (const line of lines.values()) for (const frame of line.splice(0, count)) this.#commit(frame)
    }
  }

  /** Throw a document out, with all that is in its line. */
  throwOut(document: string): void {
    for (const client of this.open) {
      this.#lines.get(client)?.delete(document)
      client.close(document)
    }
  }

  #line({ from, document }: Received): Received[] {
    const lines = this.#lines.get(from) ?? new Map<string, Received[]>()
    this.#lines.set(from, lines)
    const line = lines.get(document) ?? []
    lines.set(document, line)
    return line
  }

  #commit({ from, document, bytes }: Received): void {
    if (from.socket.readyState !== 1) return
    if (this.moody > 0) {
      this.moody--
      from.refuse(document, 'store_unavailable', true)
      return
    }
    this.committed.add(`${document} ${bytes[0]}`)
    from.status(document, true)
  }
}

let server: CommittingServer
let link: Link

afterEach(async () => {
  link.stop()
  await server.stop()
})

/** Holds what is not durable, and remembers what it was told too early. */
class Desk {
  readonly pending = new Set<number>()
  readonly early: number[] = []
  #attachment: Attachment
  #next = 0

  constructor(readonly document: string) {
    this.#attachment = link.attach(document, this.#handler())
  }

  edit(): void {
    this.pending.add(++this.#next)
    this.#send(this.#next)
  }

  leaveAndReturn(): void {
    this.#attachment.detach()
    this.#attachment = link.attach(this.document, this.#handler())
  }

  #send(id: number): void {
    this.#attachment.send({ id, update: Uint8Array.of(id), edits: 1 })
  }

  #handler(): DocumentHandler {
    return {
      hello: async () => ({ epoch: 'e1', stateVector: null }),
      opened: async () => {},
      serverHas: async () => {
        for (const id of this.pending) this.#send(id)
      },
      updates: async () => {},
      durable: async (ids) => {
        for (const id of ids) {
          this.pending.delete(id)
          if (!server.committed.has(`${this.document} ${id}`)) this.early.push(id)
        }
      },
      refused: async () => {
        throw new Error('nothing is refused here')
      },
      held: () => {},
      presence: () => {},
      offline: () => {},
      denied: async () => {},
    }
  }
}

type Act = (desk: Desk) => void
const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Act>((desk) => desk.edit()) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 3 }).map((count) => () => server.commit(count)) },
  { weight: 3, arbitrary: fc.constant<Act>((desk) => desk.leaveAndReturn()) },
  { weight: 1, arbitrary: fc.constant<Act>((desk) => server.throwOut(desk.document)) },
  { weight: 1, arbitrary: fc.constant<Act>(() => server.open.at(-1)?.socket.terminate()) },
  { weight: 1, arbitrary: fc.constant<Act>(() => server.moody++) },
  { weight: 1, arbitrary: fc.constant<Act>(() => link.wake()) },
)

test('whatever is cut, thrown out or left: nothing is durable too early, and everything is in the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(1), acts, fc.nat(5)), { minLength: 20, maxLength: 80 }),
      async (script) => {
        server = new CommittingServer()
        await server.start()
        const token = { get: async () => ({ value: 'tok', useFor: null }) }
        link = createLink({ apiUrl: server.apiUrl, token, WebSocket, random: () => 0.01 })
        link.start()
        const desks = ['tables/a', 'tables/b'].map((document) => new Desk(document))
        for (const [which, act, turns] of script) {
          act(desks[which] as Desk)
          for (let turn = 0; turn < turns * 4; turn++) await new Promise((done) => setImmediate(done))
        }
        await eventually(() => {
          server.commit(100)
          for (const desk of desks) expect([...desk.pending], desk.document).toEqual([])
        })
        for (const desk of desks) expect(desk.early, desk.document).toEqual([])
        link.stop()
        await server.stop()
      },
    ),
    { numRuns: 60, endOnFailure: true },
  )
})
