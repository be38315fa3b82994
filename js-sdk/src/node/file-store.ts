/**
 * Transactions over what a device keeps in memory and in one file. In: work over stores. Out: its result, once what
 * it changed is on the disk; or its error, and then nothing has changed. Knows nothing of what is kept.
 *
 * Everything that waits while the disk is busy is done next, one work after another, and written together: many
 * writes at once cost one flush. Nobody sees what is not on the disk, since reading waits its turn as well.
 */
import type { Stores } from '../engine/stores.js'
import { StorageUnavailable } from '../errors.js'
import type { LogFile } from './log-file.js'
import type { Memory } from './memory.js'
import { memoryStores } from './memory-stores.js'

interface Job {
  work(tx: Stores): Promise<unknown>
  resolve(result: unknown): void
  reject(error: unknown): void
}

export interface FileStoreEvents {
  /** Something that is kept has changed. */
  changed(): void
  /** The disk fails (true), or works again (false). */
  degraded(isDegraded: boolean): void
}

/** The file is written anew when it is this much, and twice as large as what it must hold. */
const COMPACT_FROM_BYTES = 1024 * 1024

export class FileStore {
  #jobs: Job[] = []
  #running: Promise<void> | null = null
  #closed = false
  /** The size of the file after it was last written anew. */
  #compactSize: number

  constructor(
    private readonly memory: Memory,
    private readonly log: LogFile,
    private readonly events: FileStoreEvents,
    private readonly compactFrom = COMPACT_FROM_BYTES,
  ) {
    this.#compactSize = log.size / 2
  }

  /** Do all of the work or nothing of it; on the disk when it resolves. Work must not wait for other transactions. */
  transact<T>(work: (tx: Stores) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed)
        return reject(new StorageUnavailable('The device is closed.', { hint: 'connect() it again' }))
      this.#jobs.push({ work, resolve: resolve as (result: unknown) => void, reject })
      this.#running ??= this.#run()
    })
  }

  /** Finish what was begun, and close the file. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    await this.log.close()
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs
      this.#jobs = []
      const settled = await this.#commit(jobs)
      for (const settle of settled) settle()
    }
    this.#running = null
  }

  /** Returns how to tell each what has become of its work. */
  async #commit(jobs: readonly Job[]): Promise<(() => void)[]> {
    const done: [Job, unknown][] = []
    const settle: (() => void)[] = []
    for (const job of jobs) {
      const mark = this.memory.mark
      try {
        done.push([job, await job.work(memoryStores(this.memory))])
      } catch (error) {
        this.memory.takeBack(mark)
        settle.push(() => job.reject(error))
      }
    }
    try {
      const hasChanged = await this.#keep()
      for (const [job, result] of done) settle.push(() => job.resolve(result))
      if (hasChanged) settle.push(() => this.events.changed())
    } catch (cause) {
      const error = unavailable(cause)
      for (const [job] of done) settle.push(() => job.reject(error))
    }
    return settle
  }

  /** Bring what has changed to the disk, or take it back and throw. Returns whether anything had changed. */
  async #keep(): Promise<boolean> {
    const payload = this.memory.payload()
    if (payload === null) {
      this.memory.settle()
      return false
    }
    try {
      if (this.log.isSuspect) await this.#rewrite()
      else await this.log.append(payload)
    } catch (error) {
      this.memory.takeBack(0)
      this.events.degraded(true)
      throw error
    }
    this.memory.settle()
    this.events.degraded(false)
    await this.#compact()
    return true
  }

  async #compact(): Promise<void> {
    if (this.log.size < Math.max(this.compactFrom, 2 * this.#compactSize)) return
    try {
      await this.#rewrite()
    } catch {
      // The file that was there is whole, or is known to be suspect; either way the next try comes by itself.
      this.#compactSize = this.log.size
      this.events.degraded(this.log.isSuspect)
    }
  }

  async #rewrite(): Promise<void> {
    await this.log.rewrite(this.memory.payloads())
    this.#compactSize = this.log.size
  }
}

function unavailable(cause: unknown): StorageUnavailable {
  return new StorageUnavailable(`The disk does not take what was written: ${String(cause)}`, {
    cause,
    hint: 'free some space or check the disk, then repeat it; this write does not count',
  })
}
