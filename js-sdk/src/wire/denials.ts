/**
 * What it means that the server keeps us out of a document: its notice in, verdict out. Pure.
 */
import type { DocumentHandler } from '../contract.js'
import type { RefusalNotice } from './notices.js'

export type Denial = Parameters<DocumentHandler['denied']>[0]

export type DenialVerdict =
  /** The token is bad; the document may be fine. */
  | 'token'
  /** The server no longer speaks with this version. */
  | 'outdated'
  /** Tell the handler, and ask again only when it says so. */
  | 'final'
  /** Tell the handler, and ask again at once. */
  | 'anew'
  /** Tell the handler, and ask again with backoff. */
  | 'later'
  /** Tell the handler, and ask again in minutes: nothing that the handler could do would help. */
  | 'seldom'

/** Whether a code is about the token and not about the document or the update. */
export function isAboutToken(code: string): boolean {
  return code === 'not_authenticated' || code === 'token_expired' || code === 'key_revoked'
}

/** Without a notice (another server) `reason` is all there is, and it means: no right. */
export function judge(notice: RefusalNotice | null, reason: string): readonly [DenialVerdict, Denial] {
  const code = notice?.code ?? 'not_allowed'
  const denial = (kind: Denial['kind']): Denial => ({
    kind,
    refusal: { code, message: notice?.message ?? reason },
    epoch: notice?.epoch ?? null,
  })
  if (isAboutToken(code)) return ['token', denial('other')]
  if (code === 'client_too_old') return ['outdated', denial('other')]
  if (code === 'not_allowed') return ['final', denial('forbidden')]
  if (code === 'document_not_found') return ['final', denial('deleted')]
  if (code === 'wrong_epoch') return ['anew', denial('epoch')]
  return [notice?.retry ? 'later' : 'seldom', denial('other')]
}
