/**
 * Finds out when the server has read what was sent: it answers pings in their order among all other frames. Pings
 * and pongs are noted here, whoever wanted them; callbacks go out. Knows no socket.
 */

interface Mark {
  /** The number of the ping whose answer proves it. */
  readonly ping: number
  readonly told: () => void
}

export class ReadMarks {
  readonly #ping: () => void
  #sent = 0
  #answered = 0
  #marks: Mark[] = []

  /** `ping` must send one, and so lead to `pinged`. */
  constructor(ping: () => void) {
    this.#ping = ping
  }

  /** Call `told` once everything that was sent until now has been read; never after a loss. */
  ask(told: () => void): void {
    this.#marks.push({ ping: this.#sent + 1, told })
    // One that is under way was sent before, and proves nothing.
    if (this.#sent === this.#answered) this.#ping()
  }

  pinged(): void {
    this.#sent++
  }

  ponged(): void {
    this.#answered++
    const proven = this.#marks.filter(({ ping }) => ping <= this.#answered)
    this.#marks = this.#marks.filter(({ ping }) => ping > this.#answered)
    for (const { told } of proven) told()
    if (this.#marks.length > 0 && this.#sent === this.#answered) this.#ping()
  }

  /** The socket is gone, and with it all that was under way. */
  lost(): void {
    this.#sent = this.#answered = 0
    this.#marks = []
  }
}
