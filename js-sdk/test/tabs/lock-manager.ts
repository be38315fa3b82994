/**
 * Web Locks in one process, for Node 20, which has none: exclusive locks with queue, `signal` and `steal`, after
 * the specification (w3c.github.io/web-locks, sections 4.3 to 4.6).
 */
interface Request {
  readonly grant: () => void
}

export class LocalLocks {
  readonly #queues = new Map<string, Request[]>()
  readonly #held = new Map<string, { readonly steal: () => void }>()

  request = ((name: string, options: LockOptions, callback: LockGrantedCallback<unknown>): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const queue = this.#queues.get(name) ?? []
      this.#queues.set(name, queue)
      const release = (held: object) => {
        if (this.#held.get(name) !== held) return
        this.#held.delete(name)
        this.#next(name)
      }
      const request: Request = {
        grant: () => {
          const held = { steal: () => reject(new DOMException('The lock was stolen', 'AbortError')) }
          this.#held.set(name, held)
          // Granting is a task of its own in browsers.
          setImmediate(async () => {
            try {
              resolve(await callback({ name, mode: 'exclusive' }))
            } catch (error) {
              reject(error)
            }
            release(held)
          })
        },
      }
      if (options.steal) {
        this.#held.get(name)?.steal()
        request.grant()
        return
      }
      options.signal?.addEventListener('abort', () => {
        const place = queue.indexOf(request)
        if (place < 0) return
        queue.splice(place, 1)
        reject(options.signal?.reason)
      })
      queue.push(request)
      this.#next(name)
    })) as LockManager['request']

  #next(name: string): void {
    if (!this.#held.has(name)) this.#queues.get(name)?.shift()?.grant()
  }
}
