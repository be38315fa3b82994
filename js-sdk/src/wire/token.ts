/**
 * Gets the short-lived token that opens documents: from the app's `getToken`, or for the API key from
 * `POST {apiUrl}/api/tokens`. Whatever goes wrong comes out as one `TokenFailure` that says what kind it is;
 * when to ask again is the session's decision. The key travels in a header only, never in an address, a
 * redirect or a message.
 */

export type TokenReason = 'connect' | 'refresh'

export interface Token {
  readonly value: string
  /** How long it may be used before a new one is wanted, in ms from now; null: nobody knows, the server asks. */
  readonly useFor: number | null
}

export interface TokenSource {
  /**
   * A token to use now. `connect` may give one that was got before; `refresh` gets a new one, because the
   * server has refused the last, or its life is nearly over. Throws `TokenFailure` and nothing else.
   */
  get(reason: TokenReason): Promise<Token>
}

export type FailureKind = 'offline' | 'auth' | 'forbidden' | 'rate-limited' | 'maintenance' | 'outdated'

/** No token, and why. */
export class TokenFailure extends Error {
  override readonly name = 'TokenFailure'

  constructor(
    readonly kind: FailureKind,
    /** What to do, for the developer. */
    readonly hint: string,
    /** What the server asked for, in ms. */
    readonly retryAfter: number | null = null,
  ) {
    super(hint)
  }
}

export interface TokenOptions {
  /** Without a slash at the end. */
  readonly apiUrl: string
  /** May be missing where `getToken` is given. */
  readonly apiKey?: string | undefined
  readonly getToken?: ((context: { reason: TokenReason }) => Promise<string>) | undefined
  readonly fetch?: typeof fetch
  /** The link's clock, which never goes back. */
  readonly now: () => number
  /** The time of day, against which the server's `expires_at` is held. */
  readonly date?: () => number
}

const TIMEOUT = 15_000
const SHARE_OF_LIFE = 0.8
/** Lives outside of this come from a device whose clock is wrong. */
const SHORTEST_LIFE = 5_000
const LONGEST_LIFE = 30 * 24 * 3_600_000

/** The source that the options describe; `getToken` goes before the key. */
export function createTokenSource(options: TokenOptions): TokenSource {
  const { getToken, apiKey } = options
  if (getToken) return { get: (reason) => askApp(getToken, reason) }
  if (apiKey === undefined) throw new TypeError('a token source needs apiKey or getToken')
  return new KeySource({ ...options, apiKey })
}

async function askApp(getToken: NonNullable<TokenOptions['getToken']>, reason: TokenReason): Promise<Token> {
  let value: unknown
  try {
    value = await getToken({ reason })
  } catch (error) {
    // Apps throw what their HTTP client throws; most of them carry the status in one of these.
    const { status, response } = Object(error) as { status?: unknown; response?: { status?: unknown } }
    throw failureOf(Number(status ?? response?.status), null, 'getToken() failed')
  }
  if (typeof value === 'string' && value !== '') return { value, useFor: null }
  throw new TokenFailure('auth', 'getToken() must resolve to a token of POST /api/tokens, as a string')
}

/** Tokens for an API key. Keeps the last one, for reconnects. */
class KeySource implements TokenSource {
  #last: { readonly value: string; readonly until: number } | null = null

  constructor(private readonly options: TokenOptions & { readonly apiKey: string }) {}

  async get(reason: TokenReason): Promise<Token> {
    const now = this.options.now()
    const last = this.#last
    if (reason === 'connect' && last && now < last.until)
      return { value: last.value, useFor: last.until - now }
    this.#last = null
    const token = await this.#request()
    if (token.useFor !== null) this.#last = { value: token.value, until: this.options.now() + token.useFor }
    return token
  }

  async #request(): Promise<Token> {
    const { apiUrl, apiKey, date = Date.now } = this.options
    let response: Response
    let body: unknown
    try {
      response = await (this.options.fetch ?? fetch)(`${apiUrl}/api/tokens`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
        body: '{}',
        cache: 'no-store',
        credentials: 'omit',
        // A captive portal answers with a redirect: the key must not follow it.
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT),
      })
      body = await response.json().catch(() => null)
    } catch {
      throw new TokenFailure('offline', `no answer from ${apiUrl}; check the network and apiUrl`)
    }
    const { token, expires_at: expires } = Object(body) as { token?: unknown; expires_at?: unknown }
    // HTTP 200 with a page of HTML is a captive portal, or another server: no reason to doubt the key.
    if (!response.ok || typeof token !== 'string') throw this.#failure(response, body)
    const life = typeof expires === 'string' ? Date.parse(expires) - date() : Number.NaN
    const plausible = life >= SHORTEST_LIFE && life <= LONGEST_LIFE
    return { value: token, useFor: plausible ? life * SHARE_OF_LIFE : null }
  }

  #failure(response: Response, body: unknown): TokenFailure {
    const { error } = Object(body) as { error?: { code?: unknown; message?: unknown } }
    const said = typeof error?.message === 'string' ? error.message : `HTTP ${response.status}`
    const place = `POST ${this.options.apiUrl}/api/tokens: ${said}`.replaceAll(this.options.apiKey, 'the key')
    // Portals answer 401, 403 and 404 too, but not in the form of our errors.
    const status = response.ok || typeof error?.code !== 'string' ? foreign(response.status) : response.status
    return failureOf(status, readRetryAfter(response.headers.get('Retry-After')), place)
  }
}

/** What a status means that doesn't come from our server: proxies may say "later", and nothing about keys. */
function foreign(status: number): number {
  return status === 429 || status === 503 ? status : Number.NaN
}

function failureOf(status: number, retryAfter: number | null, place: string): TokenFailure {
  const failure = (kind: FailureKind, advice: string) =>
    new TokenFailure(kind, `${place}; ${advice}`, retryAfter)
  if (status === 401) return failure('auth', 'check the API key: it may be mistyped, expired or revoked')
  if (status === 403) return failure('forbidden', 'the API key is valid but may not do this; ask an admin')
  if (status === 400) return failure('forbidden', 'give the API key rights on documents')
  if (status === 426) return failure('outdated', 'update the package webhost-sync')
  if (status === 429) return failure('rate-limited', 'too many requests; it goes on by itself')
  if (status === 503) return failure('maintenance', 'the server is not ready; it goes on by itself')
  return failure('offline', 'the server is out of reach; it goes on by itself')
}

/** `Retry-After` in ms: seconds, or a date. */
export function readRetryAfter(value: string | null): number | null {
  if (value === null || value.trim() === '') return null
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}
