/**
 * Cuts a text stream into server-sent events (WHATWG HTML, section 9.2). Text comes in as it arrives,
 * whole events go out. Pure. `EventSource` can't be used: it sends no `Authorization` header.
 */

export interface ServerEvent {
  readonly event: string
  readonly data: string
  /** The newest id that the stream has named so far; empty where it has named none. */
  readonly id: string
}

export class ServerEventParser {
  #rest = ''
  #event = ''
  #data: string[] = []
  #id = ''

  /** The events that this piece of text completes. */
  push(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    const events: ServerEvent[] = []
    for (const line of lines) {
      if (line !== '') this.#field(line)
      else if (this.#data.length > 0 || this.#event !== '') events.push(this.#take())
    }
    return events
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    if (colon === 0) return // a comment keeps the connection alive
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') this.#data.push(value)
    else if (name === 'event') this.#event = value
    else if (name === 'id' && !value.includes('\0')) this.#id = value
  }

  #take(): ServerEvent {
    const event = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id }
    this.#event = ''
    this.#data = []
    return event
  }
}
