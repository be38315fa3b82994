/** What a document's channel needs of its link, in types and nothing else. */
import type { ClientFrame, ProtocolError } from './frames.js'

/** What a channel needs of its link. */
export interface ChannelPorts {
  send(frame: ClientFrame): void
  /** The token that is good now. */
  token(): string
  now(): number
  /** From [0, 1). */
  random(): number
  /** Ask for `tick` at this time or soon after. */
  wakeAt(time: number): void
  /** The largest frame that this way to the server has been seen to take. */
  frameTarget(): number
  /** The server let us in, or refused for a reason that is not the token. */
  entered(): void
  tokenRefused(token: string): void
  tokenWanted(): void
  outdated(hint: string): void
  /** The channel has ended after `detach`. */
  left(): void
  /** The handler has failed; the document tries again. */
  report(error: unknown): void
  /** Nothing on this socket can be trusted any more: start with a new one. */
  fault(error: ProtocolError): void
}
