/**
 * A small server for the link's tests: real HTTP and real WebSockets on loopback, the frames written with lib0
 * and without the SDK's own code. It holds no documents; tests replace what it does with a frame.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { type WebSocket, WebSocketServer } from 'ws'

export interface Received {
  readonly kind: 'auth' | 'step1' | 'update' | 'presence' | 'detach' | 'ping'
  readonly document: string
  /** Auth: the token. */
  readonly token: string
  /** Auth: the version string. */
  readonly version: string
  /** Sync and presence: the body. */
  readonly bytes: Uint8Array
  readonly from: Client
}

/** One socket at the server's end. */
export class Client {
  readonly #entered = new Set<string>()

  constructor(readonly socket: WebSocket) {}

  frame(document: string, type: number, write: (encoder: encoding.Encoder) => void = () => {}): void {
    const encoder = encoding.createEncoder()
    encoding.writeVarString(encoder, document)
    encoding.writeVarUint(encoder, type)
    write(encoder)
    this.socket.send(encoding.toUint8Array(encoder))
  }

  admit(document: string, { epoch = 'e1', writable = true, frameLimit = 1_000_000 } = {}): void {
    this.frame(document, 2, (encoder) => {
      encoding.writeVarUint(encoder, 2)
      encoding.writeVarString(encoder, writable ? 'read-write' : 'readonly')
    })
    this.say(document, { webhost: 'document', epoch, seq: 1, frameLimit, writable })
    // A token that is shown again changes nothing about what is known.
    if (!this.#entered.has(document)) this.sync(document, 0, Uint8Array.of(0))
    this.#entered.add(document)
  }

  deny(document: string, code: string, retry = false): void {
    this.#entered.delete(document)
    this.say(document, { webhost: 'denied', code, message: code, retry })
    this.frame(document, 2, (encoder) => {
      encoding.writeVarUint(encoder, 1)
      encoding.writeVarString(encoder, code)
    })
  }

  refuse(document: string, code: string, retry = false): void {
    this.say(document, { webhost: 'refused', code, message: code, retry })
    this.status(document, false)
  }

  say(document: string, notice: object): void {
    this.frame(document, 5, (encoder) => encoding.writeVarString(encoder, JSON.stringify(notice)))
  }

  sync(document: string, step: number, bytes: Uint8Array): void {
    this.frame(document, 0, (encoder) => {
      encoding.writeVarUint(encoder, step)
      encoding.writeVarUint8Array(encoder, bytes)
    })
  }

  presence(document: string, bytes: Uint8Array): void {
    this.frame(document, 1, (encoder) => encoding.writeVarUint8Array(encoder, bytes))
  }

  status(document: string, committed: boolean): void {
    this.frame(document, 8, (encoder) => encoding.writeVarUint(encoder, committed ? 1 : 0))
  }

  askForToken(document: string): void {
    this.frame(document, 2, (encoder) => encoding.writeVarUint(encoder, 0))
  }

  close(document: string): void {
    this.#entered.delete(document)
    this.frame(document, 7, (encoder) => encoding.writeVarString(encoder, 'Reset Connection'))
  }

  /** Who is not let in is not heard: an update that crossed a close gets no status. */
  hears(document: string): boolean {
    return this.#entered.has(document)
  }

  forget(document: string): void {
    this.#entered.delete(document)
  }

  pong(): void {
    this.socket.send(Uint8Array.of(10))
  }
}

export class SyncServer {
  /** All sockets that ever came, in order. */
  readonly clients: Client[] = []
  readonly received: Received[] = []
  tokenRequests = 0
  /** What is done with a frame; tests put something else in front. */
  react: (frame: Received) => void = (frame) => this.serve(frame)
  admitSocket: (client: Client) => void = () => {}
  answerToken: (response: ServerResponse) => void = (response) =>
    this.json(response, 201, { token: `token ${this.tokenRequests}`, expires_at: inAnHour() })
  /** Requests for anything but a token. */
  answerRequest: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    this.json(response, 404, { error: { code: 'not_found', message: 'There is nothing here.' } })
  #http: Server | null = null
  #sockets: WebSocketServer | null = null
  #port = 0

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get open(): Client[] {
    return this.clients.filter((client) => client.socket.readyState === 1)
  }

  /** Begin to listen: on a free port, later on the same one. */
  async start(): Promise<this> {
    const http = createServer((request, response) => {
      request.resume()
      if (!request.url?.startsWith('/api/tokens')) return this.answerRequest(request, response)
      this.tokenRequests++
      this.answerToken(response)
    })
    this.#http = http
    this.#sockets = new WebSocketServer({ server: http, path: '/collab' })
    this.#sockets.on('connection', (socket) => {
      const client = new Client(socket)
      this.clients.push(client)
      socket.on('error', () => {})
      socket.on('message', (data) => {
        const frame = read(new Uint8Array(data as Buffer), client)
        this.received.push(frame)
        this.react(frame)
      })
      this.admitSocket(client)
    })
    await new Promise<void>((done) => http.listen(this.#port, '127.0.0.1', done))
    this.#port = (http.address() as AddressInfo).port
    return this
  }

  async stop(): Promise<void> {
    for (const { socket } of this.clients) socket.terminate()
    this.#sockets?.close()
    this.#http?.closeAllConnections()
    await new Promise((done) => this.#http?.close(done))
  }

  /** Let everybody in, store everything. */
  serve({ kind, document, from }: Received): void {
    if (kind === 'auth') from.admit(document)
    if (kind === 'detach') from.forget(document)
    if (kind === 'step1') from.sync(document, 1, Uint8Array.of(0, 0))
    if (kind === 'update' && from.hears(document)) from.status(document, true)
    if (kind === 'ping') from.pong()
  }

  json(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

  of(kind: Received['kind'], document?: string): Received[] {
    return this.received.filter(
      (frame) => frame.kind === kind && (document ?? frame.document) === frame.document,
    )
  }
}

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()

function read(frame: Uint8Array, from: Client): Received {
  const empty = { document: '', token: '', version: '', bytes: new Uint8Array(), from }
  if (frame.length === 1 && frame[0] === 9) return { ...empty, kind: 'ping' }
  const decoder = decoding.createDecoder(frame)
  const found = { ...empty, document: decoding.readVarString(decoder) }
  const type = decoding.readVarUint(decoder)
  const bytes = () => decoding.readVarUint8Array(decoder)
  if (type === 1) return { ...found, kind: 'presence', bytes: bytes() }
  if (type === 7) return { ...found, kind: 'detach' }
  const step = decoding.readVarUint(decoder)
  if (type === 0) return { ...found, kind: step === 0 ? 'step1' : 'update', bytes: bytes() }
  const token = decoding.readVarString(decoder)
  return { ...found, kind: 'auth', token, version: decoding.readVarString(decoder) }
}
