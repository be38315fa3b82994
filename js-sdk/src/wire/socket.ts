/**
 * One WebSocket, in a browser or from the package `ws`: frames as bytes out and in, and one end. What comes
 * after the end is dropped. Knows no frames.
 */

/** What browsers' WebSocket and the package `ws` have in common, as far as it is used. */
export interface WebSocketLike {
  binaryType: string
  readonly bufferedAmount: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type WebSocketConstructor = new (url: string) => WebSocketLike

export interface SocketEvents {
  opened(): void
  received(frame: Uint8Array): void
  /** The socket is gone, and not because of `close`. 1006: without a word. */
  closed(code: number, reason: string): void
}

export class Socket {
  readonly #socket: WebSocketLike
  #ended = false

  constructor(Constructor: WebSocketConstructor, url: string, events: SocketEvents) {
    const socket = new Constructor(url)
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      if (!this.#ended) events.opened()
    }
    socket.onmessage = ({ data }: { data: unknown }) => {
      // A text frame is no frame of ours; as an empty one it is refused like any other.
      if (!this.#ended) events.received(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array())
    }
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (this.#ended) return
      this.#ended = true
      events.closed(code, reason)
    }
    // `close` follows and says as much; without a listener `ws` would end the process.
    socket.onerror = () => {}
  }

  get bufferedAmount(): number {
    return this.#ended ? 0 : this.#socket.bufferedAmount
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#ended) this.#socket.send(frame)
  }

  /** End it without waiting: a dead socket takes half a minute to notice that it is closed. */
  close(code: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#socket.close(code)
  }
}
