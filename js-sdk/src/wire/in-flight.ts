/**
 * Which of the updates that were sent have been answered: the server says one status for each, in order, and
 * explains a refusal right before it. Ids and statuses in, outcomes out; knows no socket and no time.
 */
import type { Refusal } from '../contract.js'
import type { RefusalNotice } from './notices.js'

export type Outcome =
  | { readonly kind: 'durable'; readonly id: number }
  | { readonly kind: 'refused'; readonly id: number; readonly refusal: Refusal }
  /** Not now, though there is nothing wrong with the update: it has to be sent again. */
  | { readonly kind: 'later'; readonly code: string }

export class InFlight {
  #ids: number[] = []
  #explained: RefusalNotice | null = null

  /** How many statuses the server still owes. */
  get owed(): number {
    return this.#ids.length
  }

  sent(id: number): void {
    this.#ids.push(id)
  }

  explain(notice: RefusalNotice): void {
    this.#explained = notice
  }

  /** The notice that came right before this message; each explains one message. */
  takeExplanation(): RefusalNotice | null {
    const explained = this.#explained
    this.#explained = null
    return explained
  }

  /** What a status means; null where none was owed. */
  status(committed: boolean): Outcome | null {
    const explained = this.takeExplanation()
    const id = this.#ids.shift()
    if (id === undefined) return null
    if (committed) return { kind: 'durable', id }
    if (explained?.retry) return { kind: 'later', code: explained.code }
    const { code, message } = explained ?? { code: 'refused', message: 'the server did not take the update' }
    return { kind: 'refused', id, refusal: { code, message } }
  }

  clear(): void {
    this.#ids = []
    this.#explained = null
  }
}
