/**
 * The options of the client: what they may be, and what they are where nothing was said.
 *
 * In comes what the app wrote, out goes what the client works with, or one WebHostConfigError. Its text says
 * what shape a value has, never the value: a key may stand where an address should.
 */

import { WebHostConfigError } from './errors.js'

/** Where the server is, and how one signs in. */
export interface ServerOptions {
  /** The server, as `https://your-app.fly.dev`: no `/` at the end. */
  readonly apiUrl: string
  /** `whs_live_` or `whs_test_` and 64 hex digits. May be left out where `getToken` is given. */
  readonly apiKey?: string | undefined
  /** Fetches a token from your own server, so that no key has to be in the page. */
  readonly getToken?: ((context: { readonly reason: 'connect' | 'refresh' }) => Promise<string>) | undefined
}

/** What an app gives to `new WebHostClient()`. */
export interface WebHostClientOptions extends ServerOptions {
  /** The IndexedDB database; `webhost-` and a hash of address and key where it is left out. */
  readonly databaseName?: string | undefined
  /** `strict` waits for the disk at each write of this device, which costs 1 to 2 ms. */
  readonly durability?: 'relaxed' | 'strict' | undefined
  /** How long `connect()` waits for the server before it goes on offline. */
  readonly connectTimeoutMs?: number | undefined
}

/** Options that have been checked, with nothing left open. */
export interface CheckedOptions {
  readonly apiUrl: string
  readonly apiKey: string | undefined
  readonly databaseName: string
  readonly getToken: WebHostClientOptions['getToken']
  readonly durability: 'relaxed' | 'strict'
  readonly connectTimeoutMs: number
}

/** Kind and eight digits: what the server shows of a key too, and useless to sign in. */
const PUBLIC_LENGTH = 17

/** Check what an app wrote. Throws WebHostConfigError saying which option is wrong and what to change. */
export function checkOptions(options: WebHostClientOptions): CheckedOptions {
  const { apiUrl, apiKey, getToken, durability = 'relaxed', connectTimeoutMs = 3000 } = options
  checkServer(options)
  if (durability !== 'relaxed' && durability !== 'strict') {
    throw wrong('durability', 'is unknown', "use 'relaxed' or 'strict'")
  }
  checkTimeout(connectTimeoutMs)
  return { apiUrl, apiKey, databaseName: databaseNameOf(options), getToken, durability, connectTimeoutMs }
}

/** Check where the server is and how one signs in there. Throws WebHostConfigError. */
export function checkServer({ apiUrl, apiKey, getToken }: ServerOptions): void {
  checkUrl(apiUrl)
  if (apiKey !== undefined || !getToken) checkKey(apiKey)
  if (getToken && typeof getToken !== 'function') throw wrong('getToken', 'is no function', 'give one')
}

/** Throws WebHostConfigError. */
export function checkTimeout(connectTimeoutMs: number): void {
  if (!(connectTimeoutMs >= 0)) {
    throw wrong('connectTimeoutMs', 'is no number of milliseconds', 'use 3000 or so')
  }
}

function checkUrl(apiUrl: string): void {
  if (!/^https?:\/\/[^\s?#@]+$/.test(apiUrl) || !URL.canParse(apiUrl)) {
    throw wrong('apiUrl', 'is no http or https address', "write it as 'https://your-app.fly.dev'")
  }
  if (apiUrl.endsWith('/')) throw wrong('apiUrl', "ends with '/'", 'leave the slash out')
}

function checkKey(apiKey = ''): void {
  const start = /^whs_(live|test)_/.exec(apiKey)?.[0]
  if (start && /^[0-9a-f]{64}$/.test(apiKey.slice(start.length))) return
  throw wrong(
    'apiKey',
    start
      ? `has ${apiKey.length - start.length} characters after ${start} that are not 64 hex digits`
      : "doesn't begin with whs_live_ or whs_test_",
    'copy the whole key as `webhost-sync key create` shows it',
  )
}

function databaseNameOf({ apiUrl, apiKey, databaseName }: WebHostClientOptions): string {
  if (databaseName) return databaseName
  // Tokens change and can't be told apart here: two people at one device would share their rows.
  if (!apiKey) throw wrong('databaseName', 'is missing', 'without apiKey give one, another for each user')
  return `webhost-${hash(`${apiUrl} ${apiKey.slice(0, PUBLIC_LENGTH)}`)}`
}

/** FNV-1a of the UTF-16 units, 32 bits, base 36: enough to tell the few databases of one device apart. */
function hash(text: string): string {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  }
  return (state >>> 0).toString(36)
}

export function wrong(option: string, problem: string, hint: string): WebHostConfigError {
  return new WebHostConfigError(`${option} ${problem}`, hint)
}
