/**
 * Runs asynchronous jobs one after another. In: functions that return promises; out: their results.
 * A job that fails rejects its own promise and lets the next one run. Knows nothing of what the jobs do.
 */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<Result>(job: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(job)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Resolves when everything that was asked for so far has ended. */
  async idle(): Promise<void> {
    await this.#last
  }
}
