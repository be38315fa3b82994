/** The WebSocket to use: Node's own (22 and newer), or that of the package `ws`. */
import { WebHostConfigError } from '../errors.js'
import type { WebSocketConstructor } from '../wire/socket.js'

/** Throws WebHostConfigError where there is none. */
export async function findWebSocket(): Promise<WebSocketConstructor> {
  if (globalThis.WebSocket) return globalThis.WebSocket as WebSocketConstructor
  try {
    const { WebSocket } = await import('ws')
    return WebSocket as unknown as WebSocketConstructor
  } catch {
    throw new WebHostConfigError(
      'this Node has no WebSocket',
      'install the package ws, or use Node 22 or newer',
    )
  }
}
