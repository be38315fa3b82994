/**
 * The one connection to the server for all documents. The shell: a socket, a timer, the device's signals and
 * the token source become events of `session.ts`, and its effects are carried out; frames go to the document
 * that they name. Decides nothing that the session or a document's channel could decide.
 */
import type { Attachment, DocumentHandler, Link, LinkState } from '../contract.js'
import type { ChannelPorts } from './channel-ports.js'
import { Channels } from './channels.js'
import { meansTooBig } from './close-codes.js'
import { DocumentChannel } from './document-channel.js'
import { deviceEnvironment, type Environment, steadyNow, systemTimers, type Timers } from './environment.js'
import { type ClientFrame, decodeFrame, encodeFrame, ProtocolError } from './frames.js'
import { ReadMarks } from './read-marks.js'
import { step } from './session.js'
import { type Effect, linkState, nextDue, type Session, type SessionEvent, STOPPED } from './session-state.js'
import { Socket, type SocketEvents, type WebSocketConstructor } from './socket.js'
import { TokenFailure, type TokenReason, type TokenSource } from './token.js'

export interface LinkOptions {
  /** Without a slash at the end; the socket is at `/collab` below it. */
  readonly apiUrl: string
  readonly token: TokenSource
  /** Default: the global one. In Node 20 the one of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor
  /** Milliseconds; must never go back. */
  readonly now?: () => number
  /** From [0, 1). */
  readonly random?: () => number
  readonly timers?: Timers
  readonly environment?: Environment
  /** What went wrong and is repaired by trying again: for logs. */
  readonly report?: (error: unknown, document: string | null) => void
}

/** Smaller frames would carry hardly more than their headers. */
const SMALLEST_TARGET = 4096
const PROTOCOL_ERROR = 4400
/** A token that is this fresh is the answer to a server that asks for one: it asks for each document. */
const FRESH = 2_000

export function createLink(options: LinkOptions): Link {
  return new WebSocketLink(options)
}

class WebSocketLink implements Link {
  #session: Session = STOPPED
  #state: LinkState = { phase: 'stopped' }
  #socket: Socket | null = null
  #token: { value: string; at: number } = { value: '', at: Number.NEGATIVE_INFINITY }
  #timer: { readonly handle: unknown; readonly at: number } | null = null
  #unsubscribe: (() => void) | null = null
  #frameTarget = Number.POSITIVE_INFINITY
  #largestSent = 0
  readonly #channels = new Channels((channel) => this.#placed(channel))
  readonly #listeners = new Set<(state: LinkState) => void>()
  readonly #reads = new ReadMarks(() => this.#send({ kind: 'ping' }))
  readonly #url: string
  readonly #now: () => number
  readonly #random: () => number
  readonly #timers: Timers
  readonly #WebSocket: WebSocketConstructor

  constructor(private readonly options: LinkOptions) {
    this.#url = `${options.apiUrl.replace(/^http/, 'ws')}/collab`
    this.#now = options.now ?? steadyNow
    this.#random = options.random ?? Math.random
    this.#timers = options.timers ?? systemTimers
    const WebSocket = options.WebSocket ?? globalThis.WebSocket
    if (!WebSocket) throw new Error('there is no WebSocket here; pass the one of the package ws')
    this.#WebSocket = WebSocket
  }

  get state(): LinkState {
    return this.#state
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0
  }

  start(): void {
    const environment = this.options.environment ?? deviceEnvironment()
    this.#unsubscribe ??= environment.subscribe((signal) => this.#dispatch({ on: 'device', signal }))
    this.#dispatch({ on: 'start' })
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = null
    this.#dispatch({ on: 'stop' })
    this.#timers.clear(this.#timer?.handle)
    this.#timer = null
  }

  wake(): void {
    this.#dispatch({ on: 'wake' })
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  whenRead(told: () => void): void {
    this.#reads.ask(told)
  }

  attach(document: string, handler: DocumentHandler): Attachment {
    this.#channels.requireFree(document)
    const channel: DocumentChannel = new DocumentChannel(
      document,
      handler,
      this.#portsOf(document, () => channel),
    )
    this.#channels.add(channel)
    return channel
  }

  #placed(channel: DocumentChannel | null): void {
    if (this.#session.phase !== 'dialing' && this.#socket) channel?.connect()
    this.#dispatch({ on: 'documents', count: this.#channels.size })
  }

  #portsOf(document: string, channel: () => DocumentChannel): ChannelPorts {
    return {
      send: (frame) => this.#send(frame),
      token: () => this.#token.value,
      now: this.#now,
      random: this.#random,
      wakeAt: (time) => this.#wakeAt(time),
      frameTarget: () => this.#frameTarget,
      entered: () => this.#dispatch({ on: 'entered' }),
      tokenRefused: (token) => {
        if (token === this.#token.value) this.#dispatch({ on: 'token-refused' })
        else channel().tokenChanged()
      },
      tokenWanted: () => {
        if (this.#now() - this.#token.at < FRESH) channel().tokenChanged()
        else this.#dispatch({ on: 'token-wanted' })
      },
      outdated: (hint) => this.#dispatch({ on: 'outdated', hint }),
      left: () => this.#channels.remove(channel()),
      report: (error) => this.options.report?.(error, document),
      fault: (error) => this.#fault(error),
    }
  }

  #dispatch(event: SessionEvent): void {
    const [session, effects] = step(this.#session, event, { now: this.#now(), random: this.#random() })
    this.#session = session
    for (const effect of effects) this.#carryOut(effect)
    const due = nextDue(this.#session)
    if (due !== null) this.#wakeAt(due)
    this.#publish()
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'request-token':
        void this.#requestToken(effect.request, effect.reason)
        break
      case 'dial':
        this.#dial(effect.socket)
        break
      case 'ping':
        this.#send({ kind: 'ping' })
        break
      case 'present-token':
        for (const channel of this.#channels.all()) channel.tokenChanged()
        break
      case 'close':
        this.#socket?.close(effect.code)
        this.#socketLost()
    }
  }

  async #requestToken(request: number, reason: TokenReason): Promise<void> {
    try {
      const { value, useFor } = await this.options.token.get(reason)
      // The answer to an earlier request may come after the one that counts.
      if (this.#session.request?.id !== request) return
      this.#token = { value, at: this.#now() }
      this.#dispatch({ on: 'token', request, useFor })
    } catch (error) {
      this.options.report?.(error, null)
      const failure = error instanceof TokenFailure ? error : new TokenFailure('offline', String(error))
      this.#dispatch({ on: 'no-token', request, failure })
    }
  }

  #dial(socket: number): void {
    this.#largestSent = 0
    const events: SocketEvents = {
      opened: () => {
        this.#dispatch({ on: 'connected', socket })
        for (const channel of this.#channels.all()) channel.connect()
      },
      received: (bytes) => {
        this.#dispatch({ on: 'heard', socket })
        this.#receive(bytes)
      },
      closed: (code, reason) => {
        if (meansTooBig(code)) this.#shrink()
        this.#socketLost()
        this.#dispatch({ on: 'closed', socket, code, reason })
      },
    }
    try {
      this.#socket = new Socket(this.#WebSocket, this.#url, events)
    } catch (error) {
      // A page served by https may not dial ws://, and is told so by an exception.
      this.options.report?.(error, null)
      events.closed(1006, '')
    }
  }

  #socketLost(): void {
    this.#socket = null
    this.#reads.lost()
    for (const channel of this.#channels.all()) channel.disconnect()
  }

  #receive(bytes: Uint8Array): void {
    try {
      const frame = decodeFrame(bytes)
      if (frame.kind === 'ping') this.#send({ kind: 'pong' })
      else if (frame.kind === 'pong') this.#reads.ponged()
      else this.#channels.get(frame.document)?.receive(frame)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#fault(error)
    }
  }

  /** After a frame that can't be right nothing on this socket is sure any more, the places of statuses least. */
  #fault(error: ProtocolError): void {
    this.options.report?.(error, null)
    this.#socket?.close(PROTOCOL_ERROR)
    const { socket } = this.#session
    this.#socketLost()
    this.#dispatch({ on: 'closed', socket, code: 1006, reason: '' })
  }

  #shrink(): void {
    const half = Math.floor(Math.min(this.#frameTarget, this.#largestSent) / 2)
    this.#frameTarget = Math.max(SMALLEST_TARGET, half)
  }

  #send(frame: ClientFrame): void {
    const bytes = encodeFrame(frame)
    if (frame.kind === 'ping') this.#reads.pinged()
    this.#largestSent = Math.max(this.#largestSent, bytes.length)
    this.#socket?.send(bytes)
  }

  /** One timer for all: it may come too early, which costs a look, but never too late. */
  #wakeAt(at: number): void {
    if (this.#timer && this.#timer.at <= at) return
    if (this.#timer) this.#timers.clear(this.#timer.handle)
    const handle = this.#timers.set(() => this.#tick(), Math.max(0, at - this.#now()))
    this.#timer = { handle, at }
  }

  #tick(): void {
    this.#timer = null
    const now = this.#now()
    for (const channel of this.#channels.all()) channel.tick(now)
    // Timers may fire early, so what was not due yet is due again.
    for (const { due } of this.#channels.all()) if (due !== null) this.#wakeAt(due)
    this.#dispatch({ on: 'tick' })
  }

  #publish(): void {
    const state = linkState(this.#session)
    const keys = Object.keys({ ...state, ...this.#state }) as (keyof LinkState)[]
    if (keys.every((key) => state[key] === this.#state[key])) return
    this.#state = state
    for (const listener of [...this.#listeners]) {
      try {
        listener(state)
      } catch (error) {
        this.options.report?.(error, null)
      }
    }
  }
}
