/**
 * The seams of the SDK: what its parts promise each other, in types and nothing else.
 *
 *     app ── Dexie table ──> capture ──> $ops ──┐                        (any tab)
 *                                               │ fold
 *     rows <── view ── Replica ($updates) <─────┘                        (the leading tab)
 *                         │ ▲
 *              LocalUpdate│ │receive, durable, refuse
 *                         ▼ │
 *                    Synchronizer ── Attachment ──> Link ── one WebSocket ──> /collab
 *
 * A `Replica` knows no network, a `Link` knows no storage; only the synchronizer knows both.
 */

/** What one document's value may hold: JSON and bytes, as `docs/layout.md` section 4 stores it. */
export type Stored =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Stored[]
  | { readonly [name: string]: Stored }

/** The edits of one row in one write: encoded key, and the fields that differ. */
export interface RowEdit {
  /** The primary key as `layout/keys` spells it. */
  readonly k: string
  /** The row was added by this write: it may be made where it is missing. */
  readonly ins?: true
  readonly set?: Readonly<Record<string, Stored>>
  readonly unset?: readonly string[]
  readonly del?: true
}

/** One update of a document that was made on this device. */
export interface LocalUpdate {
  /** Its number in the device's store. */
  readonly id: number
  /** Yjs V1 bytes. */
  readonly update: Uint8Array
  /** How many row edits (or positions) it carries, for progress. */
  readonly edits: number
}

/** Why the server, or this device, would not take an edit. */
export interface Refusal {
  /** An error code of the server (`not_allowed`, `too_large`, …) or `deleted` from the device itself. */
  readonly code: string
  readonly message: string
}

/**
 * One document as this device holds it. Only the leading tab uses it.
 *
 * Invariants:
 * 1. Each method that returns a promise is one IndexedDB transaction, and is done when it resolves.
 * 2. After every commit: rows = document ⊕ edits that are not folded yet.
 * 3. A local update stays stored, with the edits that made it, until it is durable or refused.
 * 4. Every transaction checks that this tab still leads, and throws `NotLeading` where it does not.
 */
export interface Replica {
  readonly document: string
  /** Whether the content of the document is wanted here (tables), or only its own updates are sent (tracks). */
  readonly receives: boolean
  /**
   * For the handshake: nothing is loaded into memory for it. `epoch` is null before the first contact; `synced`: what
   * the server had at one time has been received as a whole.
   */
  hello(): Promise<{
    readonly epoch: string | null
    readonly stateVector: Uint8Array
    readonly synced: boolean
  }>
  /**
   * Note the epoch that the server named. Another one than before: what is stored is dropped but for the
   * pending edits, which are folded again into the new history. Returns whether that happened.
   */
  adopt(epoch: string): Promise<'same' | 'replaced'>
  /**
   * Merge updates from the server: stored, pending edits on top, rows written. One call, one transaction. `first`: the
   * answer to our state vector is among them, so that nothing of what the server had is missing now.
   */
  receive(updates: readonly Uint8Array[], first?: boolean): Promise<void>
  /** Fold waiting edits into one update of about `maxBytes`; null when none wait. Call until null. */
  fold(maxBytes: number): Promise<LocalUpdate | null>
  /**
   * What must be sent after a (re)connect: every local update that is not durable, oldest first, and whatever
   * `serverVector` lacks besides (a server restored from a backup).
   */
  unconfirmed(serverVector: Uint8Array): Promise<readonly LocalUpdate[]>
  /** The server has committed these. */
  durable(ids: readonly number[]): Promise<void>
  /** The server will never take these: their edits go to the shelf, the rows back to the document. */
  refuse(ids: readonly number[], refusal: Refusal): Promise<void>
  /**
   * The server keeps us out, and nothing of ours will be taken: all edits that are not durable go to the shelf, the
   * rows back to the document. Positions wait instead, for a right that may come.
   */
  shelve(refusal: Refusal): Promise<void>
  /** Fold stored updates into a snapshot where that is worth it; never what is not durable. */
  compact(): Promise<void>
  /** Free the memory of the document; what is stored stays. */
  unload(): void
}

/** What the connection needs to know of a document, and tells about it. Calls are made one after another. */
export interface DocumentHandler {
  /** Before anything is sent, at each (re)connect. `stateVector: null` asks for no content. */
  hello(): Promise<{ readonly epoch: string | null; readonly stateVector: Uint8Array | null }>
  /** The server let us in. */
  opened(document: {
    readonly epoch: string
    readonly writable: boolean
    /** Bytes of the largest frame that the server takes. */
    readonly frameLimit: number
    /** Bytes of the largest frame to aim at: what lies between may take less. */
    readonly frameTarget: number
  }): Promise<void>
  /** What the server has (its step 1). From here on the handler may send. */
  serverHas(stateVector: Uint8Array): Promise<void>
  /** Updates from the server, in order; `first` marks the answer to our step 1. */
  updates(updates: readonly Uint8Array[], first: boolean): Promise<void>
  durable(ids: readonly number[]): Promise<void>
  refused(ids: readonly number[], refusal: Refusal): Promise<void>
  /** The server takes nothing until the next `opened`, though what it has can be read: it is in maintenance. */
  held(reason: Refusal): void
  /** Presence of others, as y-protocols encodes it. */
  presence(update: Uint8Array): void
  /** The connection was lost; the next thing is another `hello`. */
  offline(): void
  /**
   * The server would not let us in, or put us out. `forbidden` and `deleted` come with no retry until
   * `Attachment.retry` or the next socket; `epoch` means: drop what is stored (adopt) and try again.
   */
  denied(denial: {
    readonly kind: 'forbidden' | 'deleted' | 'epoch' | 'other'
    readonly refusal: Refusal
    readonly epoch: string | null
  }): Promise<void>
}

/** One document on the link. */
export interface Attachment {
  readonly document: string
  /** Send one local update; its end is told by `durable`, `refused` or `offline`. */
  send(update: LocalUpdate): void
  sendPresence(update: Uint8Array): void
  /** Ask again after a denial. */
  retry(): void
  detach(): void
}

export type BlockCode = 'auth' | 'forbidden' | 'rate-limited' | 'maintenance' | 'quota' | 'outdated'

export type LinkState =
  | { readonly phase: 'stopped' }
  /** The device says that it has no network, or the server can't be reached; the next try is at `retryAt` (ms). */
  | { readonly phase: 'offline'; readonly retryAt: number | null }
  | { readonly phase: 'connecting' }
  | { readonly phase: 'open' }
  | {
      readonly phase: 'blocked'
      readonly code: BlockCode
      readonly hint: string
      readonly retryAt: number | null
    }

/** One connection to the server for many documents. */
export interface Link {
  readonly state: LinkState
  /** Bytes that the socket has not taken yet. */
  readonly bufferedAmount: number
  start(): void
  /** Close and stay away. What was not acknowledged is not lost: the replicas hold it. */
  stop(): void
  /** The app or the device thinks that the world has changed: try at once, or probe an open socket. */
  wake(): void
  attach(document: string, handler: DocumentHandler): Attachment
  /** Call `told` once the server has read everything that was sent until now; never after a loss. */
  whenRead(told: () => void): void
  onState(listener: (state: LinkState) => void): () => void
}
