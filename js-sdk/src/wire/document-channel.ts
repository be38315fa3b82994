/**
 * One document on the link, for as long as it is attached: says when to come in, and what to do after each
 * end. The stay itself is `visit.ts`. Knows no socket and has no timer: the link gives it both.
 *
 *     down ──socket──> hello ──> visiting ──┬─ left, closed, denied for now ──> waiting ──time──> hello
 *      ^                                    ├─ no right, or deleted ──────────> denied ──retry──> hello
 *   socket lost                             └─ bad token ─────────────> credential ──new token──> hello
 *   (from anywhere but denied, from which the next socket leads to hello as well)
 *
 * Invariant: `opened` is followed by one `offline` before the next `hello` or `denied`.
 */
import type { Attachment, DocumentHandler, LocalUpdate } from '../contract.js'
import { type Backoff, failed, RESTED, spread, succeeded } from './backoff.js'
import type { ChannelPorts } from './channel-ports.js'
import { judge } from './denials.js'
import type { ServerMessage } from './frames.js'
import { HandlerQueue } from './handler-queue.js'
import type { RefusalNotice } from './notices.js'
import { Visit, type VisitEnd } from './visit.js'

/** Between attempts at what nobody here can mend. */
const SELDOM = 300_000

export class DocumentChannel implements Attachment {
  #phase: 'down' | 'hello' | 'visiting' | 'waiting' | 'denied' | 'credential' | 'left' = 'down'
  #visit: Visit | null = null
  /** When waiting is over. */
  #due: number | null = null
  #connected = false
  #detached = false
  /** Counts attempts, so that the answer to an earlier `hello` is recognized. */
  #attempt = 0
  #backoff: Backoff = RESTED
  readonly #queue: HandlerQueue

  constructor(
    readonly document: string,
    private readonly handler: DocumentHandler,
    private readonly ports: ChannelPorts,
  ) {
    this.#queue = new HandlerQueue(handler, (error) => this.#handlerFailed(error))
  }

  /** Whether it only waits for the last statuses. */
  get detached(): boolean {
    return this.#detached
  }

  /** Dropped without a word where it can't be sent: the handler gives it again when the server has spoken. */
  send(update: LocalUpdate): void {
    this.#visit?.send(update)
  }

  sendPresence(update: Uint8Array): void {
    this.#visit?.sendPresence(update)
  }

  retry(): void {
    if (this.#phase === 'denied' || this.#phase === 'waiting') this.#wait(0)
  }

  detach(): void {
    if (this.#detached) return
    this.#detached = true
    this.#queue.close()
    if (this.#visit) this.#visit.leave(0)
    else this.#leave()
  }

  /** A socket is there, and a token. */
  connect(): void {
    this.#connected = true
    // Rights may have changed; and a socket on which nobody asks for anything the server closes.
    if (this.#phase === 'down' || this.#phase === 'denied') this.#begin()
  }

  /** The socket is lost. What was not acknowledged is forgotten here; the replica still holds it. */
  disconnect(): void {
    this.#connected = false
    this.#endVisit()
    if (this.#detached) this.#leave()
    else if (this.#phase !== 'denied') this.#phase = 'down'
  }

  tokenChanged(): void {
    if (this.#phase === 'credential') this.#wait(0)
    this.#visit?.tokenChanged()
  }

  /** When `tick` is wanted next. */
  get due(): number | null {
    return this.#visit ? this.#visit.due : this.#due
  }

  tick(now: number): void {
    this.#visit?.tick(now)
    if (this.#phase === 'waiting' && this.#due !== null && now >= this.#due) this.#begin()
  }

  /** Throws `ProtocolError` for a message that can't come here. */
  receive(message: ServerMessage): void {
    this.#visit?.receive(message)
  }

  #begin(): void {
    const attempt = ++this.#attempt
    this.#phase = 'hello'
    this.#due = null
    this.#queue.call(async () => {
      if (attempt !== this.#attempt) return
      const hello = await this.handler.hello()
      if (attempt !== this.#attempt || this.#phase !== 'hello') return
      this.#phase = 'visiting'
      this.#visit = new Visit({
        document: this.document,
        hello,
        handler: this.handler,
        queue: this.#queue,
        ports: this.ports,
        settled: () => {
          this.#backoff = succeeded(this.#backoff, this.ports.now())
        },
        failed: () => this.#failed(),
        ended: (end) => this.#ended(end),
      })
    })
  }

  #ended(end: VisitEnd): void {
    const token = this.#visit?.token ?? ''
    this.#endVisit()
    if (this.#detached) this.#leave()
    else if (end.how === 'denied') this.#denied(end.notice, end.reason, token)
    else this.#wait(end.how === 'left' ? end.delay : this.#failed())
  }

  #denied(notice: RefusalNotice | null, reason: string, token: string): void {
    const [verdict, denial] = judge(notice, reason)
    if (verdict === 'token') {
      this.#phase = 'credential'
      this.ports.tokenRefused(token)
      return
    }
    if (verdict === 'outdated') {
      // The link gives the socket up, and the next one begins anew.
      this.#phase = 'down'
      this.ports.outdated(denial.refusal.message)
      return
    }
    this.#phase = 'denied'
    this.#queue.call(() => this.handler.denied(denial))
    // At once, but once: two sides that never agree on the epoch must not do it as fast as they can.
    const first = this.#backoff.attempts === 0
    const delay = this.#failed()
    if (verdict === 'seldom') this.#wait(spread(SELDOM, this.ports.random()))
    else if (verdict !== 'final') this.#wait(verdict === 'anew' && first ? 0 : delay)
    this.ports.entered()
  }

  #handlerFailed(error: unknown): void {
    this.ports.report(error)
    if (this.#visit) this.#visit.leave(this.#failed())
    else if (this.#phase === 'hello') this.#wait(this.#failed())
  }

  #endVisit(): void {
    this.#attempt++
    this.#due = null
    const visit = this.#visit
    this.#visit = null
    visit?.end()
    if (visit?.opened) this.#queue.call(() => this.handler.offline())
  }

  #wait(delay: number): void {
    this.#phase = this.#connected ? 'waiting' : 'down'
    this.#due = this.ports.now() + delay
    if (this.#connected) this.ports.wakeAt(this.#due)
  }

  #leave(): void {
    if (this.#phase === 'left') return
    this.#phase = 'left'
    this.ports.left()
  }

  #failed(): number {
    const { backoff, delay } = failed(this.#backoff, this.ports.now(), this.ports.random())
    this.#backoff = backoff
    return delay
  }
}
