/**
 * One stay in a document on one socket, from our token to the end. The server's messages come in, frames go
 * out, the handler is told; how the stay ended goes to the channel, which decides when to come again. Has no
 * timer and knows no socket.
 *
 *     auth ──let in──> opening ──epoch──> asked ──server's step 1──> live ──leave──> draining ──> over
 *      └────────────────── denied or closed by the server ────────────┴─────────────────┘          ^
 *                                                             └────────────────────────────────────┘
 *
 * Invariants:
 * 1. Each update that is sent takes the last place in `#inFlight`; each status takes the first.
 * 2. Leaving is done when every status is there that is owed: statuses carry no number, so one that came in
 *    the next stay would make the wrong update durable.
 * 3. After the end nothing is sent, and nothing more is put into the handler's queue.
 * 4. The server doesn't have us in a document that we believe to be out of. A token that it reads after its own
 *    close or denial opens the document anew, and nobody can tell: then the socket is given up.
 *
 * What it needs of the server: one status for each update, in order, as long as the document is open; and
 * none for an update that crossed the server's own close or denial.
 */
import type { DocumentHandler, LocalUpdate } from '../contract.js'
import type { ChannelPorts } from './channel-ports.js'
import { isAboutToken } from './denials.js'
import { ProtocolError, type ServerMessage } from './frames.js'
import type { HandlerQueue } from './handler-queue.js'
import { InFlight } from './in-flight.js'
import { type DocumentNotice, type RefusalNotice, readNotice } from './notices.js'

export type Hello = Awaited<ReturnType<DocumentHandler['hello']>>

export type VisitEnd =
  /** We went; come back after `delay` ms. */
  | { readonly how: 'left'; readonly delay: number }
  | { readonly how: 'closed' }
  | { readonly how: 'denied'; readonly notice: RefusalNotice | null; readonly reason: string }

/** What a stay needs of its channel. */
export interface VisitContext {
  readonly document: string
  readonly hello: Hello
  readonly handler: DocumentHandler
  readonly queue: HandlerQueue
  readonly ports: ChannelPorts
  /** The handshake has succeeded. */
  settled(): void
  /** Something has failed: how long to wait before the next try, in ms. */
  failed(): number
  ended(end: VisitEnd): void
}

const VERSION = 'webhost-sync/1'
const HANDSHAKE_WITHIN = 15_000
/** The server commits or gives up long before; a status that comes later than this has been lost. */
const STATUS_WITHIN = 90_000

export class Visit {
  #phase: 'auth' | 'opening' | 'asked' | 'live' | 'draining' | 'over' = 'auth'
  /** When the phase is over if nothing happens. */
  due: number | null = null
  /** The token that the server has from us. */
  token = ''
  /** Tokens that were shown again and not answered yet. */
  #renewals = 0
  #scope = true
  #opened: DocumentNotice | null = null
  /** The handler knows what the server has. */
  #maySend = false
  /** The server takes no updates for now; reading goes on until the next stay. */
  #paused = false
  #comeBackIn = 0
  readonly #inFlight = new InFlight()

  constructor(private readonly context: VisitContext) {
    this.#dueIn(HANDSHAKE_WITHIN)
    this.#authenticate()
  }

  /** The handler was told `opened`. */
  get opened(): boolean {
    return this.#opened !== null
  }

  send({ id, update }: LocalUpdate): void {
    if (this.#phase !== 'live' || this.#paused || !this.#maySend) return
    this.#inFlight.sent(id)
    if (this.due === null) this.#dueIn(STATUS_WITHIN)
    this.context.ports.send({ kind: 'update', document: this.context.document, update })
  }

  sendPresence(update: Uint8Array): void {
    const { ports, document } = this.context
    if (this.#isOpen()) ports.send({ kind: 'presence', document, update })
  }

  /** Stay with the new token; where the old one has stopped updates, come anew. */
  tokenChanged(): void {
    if (this.#phase === 'live' && this.#paused) this.leave(0)
    else if (this.#phase === 'opening' || this.#isOpen()) {
      this.#renewals++
      this.#authenticate()
    }
  }

  /** Go, once no status can come any more. */
  leave(comeBackIn: number): void {
    this.#comeBackIn = comeBackIn
    if (this.#phase === 'draining' || this.#phase === 'over') return
    this.#phase = 'draining'
    this.#dueIn(STATUS_WITHIN)
    this.#goIfDrained()
  }

  /** The socket is lost, or the stay has ended another way. */
  end(): void {
    this.#phase = 'over'
    this.due = null
  }

  tick(now: number): void {
    if (this.due === null || now < this.due) return
    this.due = null
    if (this.#paused && this.#phase === 'live') this.leave(0)
    else if (this.#inFlight.owed === 0) this.leave(this.context.failed())
    else {
      const what = `${this.#inFlight.owed} updates have got no status`
      this.context.ports.fault(new ProtocolError(`${this.context.document}: ${what}`))
    }
  }

  /** Throws `ProtocolError` for a message that can't come here. */
  receive(message: ServerMessage): void {
    if (this.#phase === 'over') return
    const { queue, ports } = this.context
    switch (message.kind) {
      case 'authenticated':
        this.#authenticated(message.writable)
        break
      case 'stateless':
        this.#noticed(readNotice(message.text))
        break
      case 'step1':
        this.#serverHas(message.stateVector)
        break
      case 'content':
        if (this.#isOpen()) queue.update(message.update, message.answer)
        break
      case 'presence':
        this.#presence(message.update)
        break
      case 'status':
        this.#acknowledged(message.committed)
        break
      case 'token-wanted':
        ports.tokenWanted()
        break
      case 'denied':
        if (this.#renewals > 0) this.#crossed()
        else this.#over({ how: 'denied', notice: this.#inFlight.takeExplanation(), reason: message.reason })
        break
      case 'closed':
        // Before we are let in it may mean the stay before, which both sides have ended at once: then the
        // server has us in it again. Leaving makes it sure.
        if (this.#phase === 'auth') this.leave(this.context.failed())
        else if (this.#renewals > 0) this.#crossed()
        else this.#over({ how: 'closed' })
    }
  }

  #crossed(): void {
    const what = 'the stay was ended while a new token was on its way'
    this.context.ports.fault(new ProtocolError(`${this.context.document}: ${what}`))
  }

  #presence(update: Uint8Array): void {
    try {
      // Past the queue: presence is worth nothing when it is late, and touches nothing that is stored.
      if (this.#isOpen()) this.context.handler.presence(update)
    } catch (error) {
      this.context.ports.report(error)
    }
  }

  #authenticate(): void {
    const { ports, hello, document } = this.context
    const version = [VERSION]
    const epoch = this.#opened?.epoch ?? hello.epoch
    if (epoch !== null) version.push(`epoch=${epoch}`)
    if (hello.stateVector === null) version.push('send-only')
    this.token = ports.token()
    ports.send({ kind: 'auth', document, token: this.token, version: version.join(';') })
  }

  #authenticated(scope: boolean): void {
    if (this.#phase === 'auth') {
      this.#phase = 'opening'
      this.#scope = scope
      this.context.ports.entered()
      return
    }
    this.#renewals = Math.max(0, this.#renewals - 1)
    if (this.#isOpen() && scope !== this.#scope) this.leave(0)
  }

  #noticed(notice: DocumentNotice | RefusalNotice | null): void {
    if (notice === null) return
    if (notice.webhost === 'held') this.#hold(notice)
    else if (notice.webhost !== 'document') this.#inFlight.explain(notice)
    else if (this.#phase === 'opening') this.#admitted(notice)
    else if (this.#isOpen()) {
      const { epoch, writable } = this.#opened ?? notice
      if (notice.epoch !== epoch || notice.writable !== writable) this.leave(0)
    }
  }

  #admitted(notice: DocumentNotice): void {
    const { hello, ports, queue, handler, document } = this.context
    const { epoch, writable, frameLimit } = notice
    if (hello.epoch !== null && hello.epoch !== epoch) {
      // Servers deny this themselves; one that doesn't must not get the state of another history.
      ports.send({ kind: 'detach', document })
      const message = 'the document was made anew'
      const denial: RefusalNotice = { webhost: 'denied', code: 'wrong_epoch', message, retry: false, epoch }
      this.#over({ how: 'denied', notice: denial, reason: message })
      return
    }
    this.#opened = notice
    this.#phase = 'asked'
    const frameTarget = Math.min(frameLimit, ports.frameTarget())
    queue.call(() => handler.opened({ epoch, writable, frameLimit, frameTarget }))
    // Not sent along with the token: a server that kept it over a denial would answer for the wrong history.
    if (hello.stateVector) ports.send({ kind: 'step1', document, stateVector: hello.stateVector })
  }

  #serverHas(stateVector: Uint8Array): void {
    if (!this.#isOpen()) return
    if (this.#phase === 'asked') {
      this.#phase = 'live'
      this.due = null
      this.context.settled()
    }
    this.context.queue.call(() => {
      if (this.#phase === 'over') return
      this.#maySend = true
      return this.context.handler.serverHas(stateVector)
    })
  }

  #acknowledged(committed: boolean): void {
    const { queue, handler, document } = this.context
    const outcome = this.#inFlight.status(committed)
    if (outcome === null) throw new ProtocolError(`${document}: a status came though none was owed`)
    if (!this.#paused) this.due = null
    if (this.#inFlight.owed > 0 && this.due === null) this.#dueIn(STATUS_WITHIN)
    if (outcome.kind === 'durable') queue.durable(outcome.id)
    else if (outcome.kind === 'later') this.#pause(outcome.code)
    else queue.call(() => handler.refused([outcome.id], outcome.refusal))
    this.#goIfDrained()
  }

  /** The server will take the update later, so it is not refused: it comes again with the next stay. */
  #pause(code: string): void {
    if (this.#phase !== 'live' || this.#paused) return
    this.#paused = true
    this.#dueIn(this.context.failed())
    if (isAboutToken(code)) this.context.ports.tokenRefused(this.token)
  }

  /** No use in asking again: the server ends the stay when it takes updates again. */
  #hold({ code, message }: RefusalNotice): void {
    this.#paused = true
    this.context.queue.call(() => this.context.handler.held({ code, message }))
  }

  #goIfDrained(): void {
    if (this.#phase !== 'draining' || this.#inFlight.owed > 0) return
    this.context.ports.send({ kind: 'detach', document: this.context.document })
    this.#over({ how: 'left', delay: this.#comeBackIn })
  }

  #over(end: VisitEnd): void {
    this.end()
    this.context.ended(end)
  }

  #dueIn(delay: number): void {
    this.due = this.context.ports.now() + delay
    this.context.ports.wakeAt(this.due)
  }

  #isOpen(): boolean {
    return this.#phase === 'asked' || this.#phase === 'live'
  }
}
