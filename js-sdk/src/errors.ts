/**
 * Everything that can go wrong in the SDK, as one tree, and all that a server may answer, as one table.
 *
 *     WebHostError                 code, hint
 *     ├── WebHostConfigError       config               options or a schema that can't work
 *     ├── UnstorableValue          unstorable_value     a row that can't be synced: table, key, field
 *     ├── LayoutError              layout               a name, key, value or fix that layout 1 lacks: path
 *     ├── ChunkError               chunk                bytes that are no chunk of positions: offset, reason
 *     ├── NotLeading               not_leading          another tab has taken over the sync
 *     ├── StorageUnavailable       storage_unavailable  IndexedDB or the disk is away, full or blocked
 *     ├── StoreDeleted             store_deleted        the browser or another tab has deleted this device's store
 *     ├── ConstraintError          constraint           a key or a unique value that another row has (Node)
 *     ├── DeviceBusy               device_busy          another process has the device's directory: pid
 *     ├── DeviceDamaged            device_damaged       the device's log lacks what the disk had promised to keep
 *     ├── NotDurable               not_durable          edits that the server has not committed yet: pending
 *     └── ServerError              the server's code    what the server answered: retry
 *
 * Knows no socket and no storage. The server draws its own half in `webhost_sync/errors.py`; a test there
 * holds `SERVER_ERRORS` to it.
 */

/** Something went wrong. `code` is for programs and never changes, `hint` says what to do about it. */
export class WebHostError extends Error {
  override name = 'WebHostError'

  constructor(
    readonly code: string,
    problem: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(hint ? `${problem}; ${hint}` : problem, options)
  }
}

/** Options of the client, or the schema of `connect()`, that can't work. Never repeats a key. */
export class WebHostConfigError extends WebHostError {
  override name = 'WebHostConfigError'

  constructor(problem: string, hint: string) {
    super('config', problem, hint)
  }
}

/** Where in a table a value stands. */
export interface Place {
  readonly table: string
  /** The primary key as `layout/keys` spells it, where it is known already. */
  readonly key?: string | undefined
}

/** A key or a value that can't be synced, found before anything was written. */
export class UnstorableValue extends WebHostError {
  override name = 'UnstorableValue'
  readonly table: string
  readonly key: string | undefined

  /** `field` is the path to the innermost value, as `tags[2].since`; empty where the key is at fault. */
  constructor(
    place: Place,
    readonly field: string,
    problem: string,
  ) {
    const row = place.table + (place.key === undefined ? '' : `['${place.key}']`)
    super(
      'unstorable_value',
      `${row}${field ? `.${field}` : ' key'} ${problem}`,
      'rows hold JSON, Date, BigInt, Map, Set and binary data; nothing was written',
    )
    this.table = place.table
    this.key = place.key
  }
}

/** Something read or given that layout 1 (`docs/layout.md`) doesn't have. */
export class LayoutError extends WebHostError {
  override name = 'LayoutError'

  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super('layout', `${path} ${problem}`, '')
  }
}

/** Bytes that are no chunk. `offset` is the byte at which that showed. */
export class ChunkError extends WebHostError {
  override name = 'ChunkError'

  constructor(
    readonly offset: number,
    readonly reason: string,
  ) {
    super('chunk', `${reason} (byte ${offset})`, '')
  }
}

/** This tab leads the sync no longer; the transaction that found it out has changed nothing. */
export class NotLeading extends WebHostError {
  override name = 'NotLeading'

  constructor() {
    super('not_leading', 'another tab has taken over the sync', 'this tab follows it by itself')
  }
}

/** The device's storage does not work. Rows that are on the server are safe; the cause is in `cause`. */
export class StorageUnavailable extends WebHostError {
  override name = 'StorageUnavailable'

  constructor(problem: string, { hint, ...options }: ErrorOptions & { readonly hint?: string } = {}) {
    const advice = hint ?? 'close other tabs of this site, check the free space, reload'
    super('storage_unavailable', problem, advice, options)
  }
}

/** The database of this device was deleted while it was open: what it held and the server had not is lost. */
export class StoreDeleted extends WebHostError {
  override name = 'StoreDeleted'

  constructor() {
    super(
      'store_deleted',
      "this site's data was deleted, by the browser or by another tab, while it was in use",
      'nothing was written; reload the page, or connect again: it begins as a new device',
    )
  }
}

/** A row can't be written: another one has its key, or a value that the schema calls unique. Named as Dexie's. */
export class ConstraintError extends WebHostError {
  override name = 'ConstraintError'

  constructor(table: string, problem: string) {
    super('constraint', `${table}: ${problem}`, 'nothing was written')
  }
}

/** The directory of a device belongs to one process at a time. */
export class DeviceBusy extends WebHostError {
  override name = 'DeviceBusy'

  constructor(
    directory: string,
    readonly pid: number,
  ) {
    super(
      'device_busy',
      `${directory} is used by process ${pid}`,
      'end that process, or give each device a dataDir of its own',
    )
  }
}

/** The log of a device can't be read where it had been confirmed. Nothing was changed. */
export class DeviceDamaged extends WebHostError {
  override name = 'DeviceDamaged'

  constructor(path: string, options: ErrorOptions) {
    super(
      'device_damaged',
      `${path} is damaged: ${String(options.cause)}`,
      'move the directory away and keep it; a new one starts as another device',
      options,
    )
  }
}

/** `whenDurable()` gave up waiting. The edits are stored on this device and will still be sent. */
export class NotDurable extends WebHostError {
  override name = 'NotDurable'

  /** `pending`: how many edits. */
  constructor(readonly pending: number) {
    super(
      'not_durable',
      `the server has not committed ${pending} edits of this device`,
      'they are kept here and sent when the server can be reached',
    )
  }
}

/** What the server answered. `retry` says whether the same may succeed later. */
export class ServerError extends WebHostError {
  override name = 'ServerError'
  readonly retry: boolean

  constructor(code: string, message: string, hint = '') {
    super(code, message, hint)
    this.retry = SERVER_ERRORS[code]?.retry ?? true
  }
}

/** How one error of the server looks on a socket and over HTTP, and whether to come back by oneself. */
export interface ServerErrorKind {
  readonly close: number
  readonly status: number
  readonly retry: boolean
}

/** The server's errors by code, as `webhost_sync/errors.py` has them. */
export const SERVER_ERRORS: Readonly<Record<string, ServerErrorKind>> = {
  protocol_error: { close: 4400, status: 400, retry: false },
  malformed_update: { close: 4400, status: 400, retry: false },
  invalid_request: { close: 4400, status: 400, retry: false },
  not_authenticated: { close: 4401, status: 401, retry: false },
  token_expired: { close: 4401, status: 401, retry: false },
  key_revoked: { close: 4401, status: 401, retry: false },
  not_allowed: { close: 4403, status: 403, retry: false },
  document_not_found: { close: 4404, status: 404, retry: false },
  vehicle_not_found: { close: 4404, status: 404, retry: false },
  version_not_found: { close: 4404, status: 404, retry: false },
  history_gone: { close: 4404, status: 410, retry: false },
  not_found: { close: 4404, status: 404, retry: false },
  wrong_epoch: { close: 4409, status: 409, retry: false },
  too_large: { close: 4413, status: 413, retry: false },
  client_too_old: { close: 4426, status: 426, retry: false },
  store_unavailable: { close: 1013, status: 503, retry: true },
  room_closing: { close: 1013, status: 503, retry: true },
  too_slow: { close: 1013, status: 503, retry: true },
  document_quarantined: { close: 1013, status: 503, retry: true },
  maintenance: { close: 1013, status: 503, retry: true },
  draining: { close: 4503, status: 503, retry: true },
  idle: { close: 4508, status: 503, retry: true },
  too_many_requests: { close: 4529, status: 429, retry: true },
  internal: { close: 4500, status: 500, retry: true },
}

/**
 * What to do when a socket has ended:
 *
 * `retry` come back with backoff · `slow-down` the same, after the time that the server names ·
 * `sign-in` get one new token, then give up until the app acts · `forbidden`, `deleted` leave this document ·
 * `epoch` drop the replica and load the new history · `smaller` send smaller frames ·
 * `outdated` a newer SDK is needed · `stop` this client has a bug: coming back would only repeat it
 */
export type CloseAction =
  | 'retry'
  | 'slow-down'
  | 'sign-in'
  | 'forbidden'
  | 'deleted'
  | 'epoch'
  | 'smaller'
  | 'outdated'
  | 'stop'

const ACTIONS: Readonly<Record<number, CloseAction>> = {
  1009: 'smaller',
  4401: 'sign-in',
  4403: 'forbidden',
  4404: 'deleted',
  4409: 'epoch',
  4413: 'smaller',
  4426: 'outdated',
  4529: 'slow-down',
}

/** What to do about a close code, known or not: 4400 to 4499 are permanent, all others pass. */
export function actionOnClose(code: number): CloseAction {
  return ACTIONS[code] ?? (code >= 4400 && code < 4500 ? 'stop' : 'retry')
}
