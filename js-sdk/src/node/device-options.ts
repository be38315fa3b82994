/** The options of a device: what they may be, and what they are where nothing was said. */
import { checkServer, checkTimeout, type ServerOptions, wrong } from '../options.js'
import type { WebSocketConstructor } from '../wire/socket.js'

/** What a program gives to `new WebHostDevice()`. */
export interface WebHostDeviceOptions extends ServerOptions {
  /** The directory in which everything is kept; made where there is none. One process at a time, and never copied. */
  readonly dataDir: string
  /**
   * What the device is called where its positions are shown. A mark is added (`truck-7-k3v9q2m4`), another one for
   * each directory, because a device that has lost its directory counts its positions from one again.
   */
  readonly deviceId?: string | undefined
  /** How long `connect()` waits for the server before it goes on offline; 3000. */
  readonly connectTimeoutMs?: number | undefined
  /** Node's own where it has one, else that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor | undefined
}

const LONGEST_ID = 64

/** Check what a program wrote; returns `connectTimeoutMs`. Throws WebHostConfigError. */
export function checkDeviceOptions(options: WebHostDeviceOptions): number {
  const { dataDir, deviceId, connectTimeoutMs = 3000 } = options
  checkServer(options)
  if (typeof dataDir !== 'string' || dataDir === '') {
    throw wrong('dataDir', 'is missing', "give the directory for this device's data, as '/var/lib/truck'")
  }
  if (deviceId !== undefined && !(typeof deviceId === 'string' && /^[\w.-]+$/.test(deviceId))) {
    throw wrong('deviceId', 'is no name', "use letters, digits and '.', '_', '-', as in truck-7")
  }
  if (deviceId !== undefined && deviceId.length > LONGEST_ID) {
    throw wrong('deviceId', `has ${deviceId.length} characters`, `use at most ${LONGEST_ID}`)
  }
  checkTimeout(connectTimeoutMs)
  return connectTimeoutMs
}
