/**
 * A panel for developers: what is on this device, what is on its way, and what went wrong. Put it into a page
 * while you build it:
 *
 *     import { mountDevtools } from 'webhost-sync/devtools'
 *     if (import.meta.env.DEV) mountDevtools(client)
 *
 * @packageDocumentation
 */
import type { WebHostClient } from '../client.js'
import { type Line, Log } from './log.js'
import { button, cell, element, STYLE } from './view.js'

// biome-ignore lint/suspicious/noExplicitAny: a client of whatever schema
type AnyClient = WebHostClient<any>

/** Show the panel in the lower right corner, or inside `parent`. Returns how to take it away. */
export function mountDevtools(client: AnyClient, parent: HTMLElement = document.body): () => void {
  const host = element('section', { 'aria-label': 'webhost-sync devtools' })
  const panel = new Panel(client, host.attachShadow({ mode: 'open' }))
  parent.append(host)
  return () => {
    panel.stop()
    host.remove()
  }
}

class Panel {
  readonly #client: AnyClient
  readonly #log = new Log()
  readonly #status = element('dl')
  readonly #tables = element('tbody')
  readonly #shelf = element('ul')
  readonly #lines = element('ol')
  readonly #stops: readonly (() => void)[]
  #refreshing = false
  #again = false

  constructor(client: AnyClient, root: ShadowRoot) {
    this.#client = client
    const style = element('style')
    style.textContent = STYLE
    const details = element('details')
    const summary = element('summary')
    summary.textContent = 'sync'
    const table = element('table')
    table.append(row('th', ['table', 'rows', 'pending']), this.#tables)
    const actions = element('p')
    actions.append(
      button('Try now', () => client.syncManager.retryNow()),
      button('Export pending', () => void this.#export()),
    )
    details.append(summary, this.#status, table, actions, this.#shelf, this.#lines)
    root.append(style, details)
    this.#stops = [
      client.on('status', (status) => {
        this.#log.status(status)
        void this.#refresh()
      }),
      client.on('error', (error) => this.#note(String(error))),
      client.on('rejected', (edit) =>
        this.#note(`rejected: ${edit.table} ${edit.kind}: ${edit.reason.message}`),
      ),
      client.on('conflict', ({ table: name, index }) =>
        this.#note(`conflict: two rows of ${name} share ${index}`),
      ),
      client.on('device-lost', () => this.#note('the browser has lost the store of this device')),
    ]
    void this.#refresh()
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #note(text: string): void {
    this.#log.add(text)
    void this.#refresh()
  }

  /** One look at the store at a time, and one more where something changed meanwhile. */
  async #refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true
      return
    }
    this.#refreshing = true
    do {
      this.#again = false
      // A store that was closed or deleted meanwhile: what is shown stays, and the status says why.
      await this.#show().catch(() => undefined)
    } while (this.#again)
    this.#refreshing = false
  }

  async #show(): Promise<void> {
    const { status } = this.#client
    const facts: [string, string][] = [
      ['phase', status.blocked ? `${status.phase}: ${status.blocked.code}` : status.phase],
      ['pending', String(status.pending)],
      ['oldest', status.oldestPendingAt?.toLocaleTimeString() ?? '–'],
      ['last durable', status.lastDurableAt?.toLocaleTimeString() ?? '–'],
      ['this tab', status.leader ? 'leads' : 'follows'],
    ]
    this.#status.replaceChildren(...facts.flatMap(([name, value]) => [cell('dt', name), cell('dd', value)]))
    this.#lines.replaceChildren(...this.#log.lines.map(lineOf))
    if (status.phase === 'closed' || status.phase === 'opening') return
    const [{ tables }, rejected] = await Promise.all([
      this.#client.inspect(),
      this.#client.syncManager.rejectedEdits(),
    ])
    this.#tables.replaceChildren(...tables.map(({ name, rows, pending }) => row('td', [name, rows, pending])))
    this.#shelf.replaceChildren(
      ...rejected.map((edit) => {
        const item = cell('li', `${edit.table} ${String(edit.key)}: ${edit.reason.message} `)
        item.append(
          button('Retry', () => void this.#client.syncManager.retry([edit.id])),
          button('Discard', () => void this.#client.syncManager.discard([edit.id])),
        )
        return item
      }),
    )
  }

  async #export(): Promise<void> {
    const link = element('a', { download: 'pending.json' })
    link.href = URL.createObjectURL(await this.#client.exportPending())
    link.click()
    URL.revokeObjectURL(link.href)
  }
}

function row(tag: 'th' | 'td', values: readonly unknown[]): HTMLTableRowElement {
  const line = element('tr')
  line.append(...values.map((value) => cell(tag, String(value))))
  return line
}

function lineOf({ at, text }: Line): HTMLElement {
  return cell('li', `${at.toLocaleTimeString()} ${text}`)
}
