/**
 * What the server of webhost-sync says beyond Hocuspocus, as JSON in stateless messages: which history a
 * document has, why a client is kept out, why an update was not taken. Text in, typed notice out; knows
 * nothing else. Stateless messages of others and notices of newer servers are null.
 */
import { ProtocolError } from './frames.js'

/** Follows right after the server has let us into a document. */
export interface DocumentNotice {
  readonly webhost: 'document'
  readonly epoch: string
  /** The last committed update of the document. */
  readonly seq: number
  /** The largest frame in bytes that the server takes. */
  readonly frameLimit: number
  readonly writable: boolean
}

/**
 * Comes right before a PermissionDenied (`denied`) or a SyncStatus 0 (`refused`) and explains it; or says that
 * no updates are taken until the server ends this stay (`held`).
 */
export interface RefusalNotice {
  readonly webhost: 'denied' | 'refused' | 'held'
  readonly code: string
  readonly message: string
  /** Whether the same will succeed later without anybody changing anything. */
  readonly retry: boolean
  /** The document's epoch, with the code `wrong_epoch`. */
  readonly epoch: string | null
}

/** Read a stateless message. Throws `ProtocolError` for a notice of ours whose fields are wrong. */
export function readNotice(text: string): DocumentNotice | RefusalNotice | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || !('webhost' in value)) return null
  const fields = value as Record<string, unknown>
  const { webhost, epoch } = fields
  if (webhost === 'document') return readDocument(fields)
  if (webhost !== 'denied' && webhost !== 'refused' && webhost !== 'held') return null
  return {
    webhost,
    code: field(fields, 'code', 'string'),
    message: field(fields, 'message', 'string'),
    retry: field(fields, 'retry', 'boolean'),
    epoch: typeof epoch === 'string' ? epoch : null,
  }
}

function readDocument(fields: Record<string, unknown>): DocumentNotice {
  return {
    webhost: 'document',
    epoch: field(fields, 'epoch', 'string'),
    seq: field(fields, 'seq', 'number'),
    frameLimit: field(fields, 'frameLimit', 'number'),
    writable: field(fields, 'writable', 'boolean'),
  }
}

interface Types {
  string: string
  number: number
  boolean: boolean
}

function field<T extends keyof Types>(fields: Record<string, unknown>, name: string, type: T): Types[T] {
  const { [name]: value, webhost } = fields
  if (typeof value === type) return value as Types[T]
  throw new ProtocolError(`field '${name}' of the notice '${webhost}' is no ${type}`)
}
