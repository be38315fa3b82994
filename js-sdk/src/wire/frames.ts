/**
 * Turns frames of the Hocuspocus protocol into typed messages and back. Bytes come from the socket, messages
 * go to the link; knows no socket, no document and no time. Every length is held against the frame: one bad
 * byte refuses the whole frame with a `ProtocolError`, before anything of it has had an effect.
 *
 *     frame = string(document) uint(type) body | byte(9) | byte(10)
 *
 * `docs/protocol.md` says what `uint`, `bytes` and `string` are. One message stands in one frame.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'

/** The bytes are no frame of this protocol, or come where none may. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

const SYNC = 0
const PRESENCE = 1
const AUTH = 2
const SYNC_REPLY = 4
const STATELESS = 5
const CLOSE = 7
const STATUS = 8
const PING = 9
const PONG = 10

/** What the server says to us. */
export type ServerFrame = { readonly kind: 'ping' } | { readonly kind: 'pong' } | ServerMessage

/** What the server says about one document. */
export type ServerMessage = { readonly document: string } & (
  | { readonly kind: 'step1'; readonly stateVector: Uint8Array }
  /** `answer`: the step 2 to our step 1; otherwise a change that has just been committed. */
  | { readonly kind: 'content'; readonly update: Uint8Array; readonly answer: boolean }
  | { readonly kind: 'presence'; readonly update: Uint8Array }
  | { readonly kind: 'token-wanted' }
  | { readonly kind: 'denied'; readonly reason: string }
  | { readonly kind: 'authenticated'; readonly writable: boolean }
  | { readonly kind: 'stateless'; readonly text: string }
  | { readonly kind: 'closed'; readonly reason: string }
  | { readonly kind: 'status'; readonly committed: boolean }
  /** A type of a newer server. */
  | { readonly kind: 'unknown'; readonly type: number }
)

/** What we say to the server. */
export type ClientFrame =
  | { readonly kind: 'ping' }
  | { readonly kind: 'pong' }
  | ({ readonly document: string } & (
      | { readonly kind: 'auth'; readonly token: string; readonly version: string }
      | { readonly kind: 'step1'; readonly stateVector: Uint8Array }
      | { readonly kind: 'update'; readonly update: Uint8Array }
      | { readonly kind: 'presence'; readonly update: Uint8Array }
      | { readonly kind: 'detach' }
    ))

/** The bytes of one frame. */
export function encodeFrame(frame: ClientFrame): Uint8Array<ArrayBuffer> {
  if (frame.kind === 'ping') return Uint8Array.of(PING)
  if (frame.kind === 'pong') return Uint8Array.of(PONG)
  const encoder = encoding.createEncoder()
  encoding.writeVarString(encoder, frame.document)
  const number = (value: number) => encoding.writeVarUint(encoder, value)
  const bytes = (value: Uint8Array) => encoding.writeVarUint8Array(encoder, value)
  const string = (value: string) => encoding.writeVarString(encoder, value)
  switch (frame.kind) {
    case 'auth':
      number(AUTH)
      number(0)
      string(frame.token)
      string(frame.version)
      break
    case 'step1':
      number(SYNC)
      number(0)
      bytes(frame.stateVector)
      break
    case 'update':
      number(SYNC)
      number(2)
      bytes(frame.update)
      break
    case 'presence':
      number(PRESENCE)
      bytes(frame.update)
      break
    case 'detach':
      number(CLOSE)
  }
  return encoding.toUint8Array(encoder)
}

/** Read one frame of the server. Throws `ProtocolError`. */
export function decodeFrame(frame: Uint8Array): ServerFrame {
  if (frame.length === 1 && frame[0] === PING) return { kind: 'ping' }
  if (frame.length === 1 && frame[0] === PONG) return { kind: 'pong' }
  const decoder = decoding.createDecoder(frame)
  const message = readMessage(decoder, readString(decoder, 'document'))
  const left = frame.length - decoder.pos
  // A newer server's message ends nobody knows where, so it ends its frame.
  if (left > 0 && message.kind !== 'unknown') {
    throw new ProtocolError(`${left} bytes are left behind the message '${message.kind}'`)
  }
  return message
}

function readMessage(decoder: decoding.Decoder, document: string): ServerMessage {
  const type = readNumber(decoder, 'type')
  switch (type) {
    case SYNC:
    case SYNC_REPLY:
      return readSync(decoder, document)
    case PRESENCE:
      return { kind: 'presence', document, update: readBytes(decoder, 'presence') }
    case AUTH:
      return readAuth(decoder, document)
    case STATELESS:
      return { kind: 'stateless', document, text: readString(decoder, 'text') }
    case CLOSE:
      return { kind: 'closed', document, reason: readString(decoder, 'reason') }
    case STATUS: {
      const status = readNumber(decoder, 'status')
      if (status > 1) throw new ProtocolError(`status ${status} is neither 0 nor 1`)
      return { kind: 'status', document, committed: status === 1 }
    }
    default:
      return { kind: 'unknown', document, type }
  }
}

function readSync(decoder: decoding.Decoder, document: string): ServerMessage {
  const step = readNumber(decoder, 'sync step')
  if (step > 2) throw new ProtocolError(`there is no sync step ${step}`)
  const bytes = readBytes(decoder, 'sync body')
  if (step === 0) return { kind: 'step1', document, stateVector: bytes }
  return { kind: 'content', document, update: bytes, answer: step === 1 }
}

function readAuth(decoder: decoding.Decoder, document: string): ServerMessage {
  const kind = readNumber(decoder, 'auth type')
  if (kind === 0) return { kind: 'token-wanted', document }
  if (kind === 1) return { kind: 'denied', document, reason: readString(decoder, 'reason') }
  if (kind !== 2) throw new ProtocolError(`there is no auth message ${kind}`)
  const scope = readString(decoder, 'scope')
  return { kind: 'authenticated', document, writable: scope !== 'readonly' }
}

function readNumber(decoder: decoding.Decoder, what: string): number {
  const start = decoder.pos
  let value: number
  try {
    value = decoding.readVarUint(decoder)
  } catch (cause) {
    throw new ProtocolError(`the frame ends inside its ${what}`, { cause })
  }
  const padded = decoder.pos - start > 1 && decoder.arr[decoder.pos - 1] === 0
  if (padded || value > Number.MAX_SAFE_INTEGER) throw new ProtocolError(`the ${what} is no number`)
  return value
}

/** A copy: a view would keep the whole frame alive, and IndexedDB would store all of it. */
function readBytes(decoder: decoding.Decoder, what: string): Uint8Array {
  const length = readNumber(decoder, `length of its ${what}`)
  const left = decoder.arr.length - decoder.pos
  if (length > left) throw new ProtocolError(`the ${what} has ${length} bytes, and the frame only ${left}`)
  decoder.pos += length
  return decoder.arr.slice(decoder.pos - length, decoder.pos)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readString(decoder: decoding.Decoder, what: string): string {
  const bytes = readBytes(decoder, what)
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new ProtocolError(`the ${what} is no UTF-8`, { cause })
  }
}
