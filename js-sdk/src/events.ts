/** A typed list of listeners. A listener that throws does not keep the others from hearing. */

export type Listener<Event> = (event: Event) => void

export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
    return () => {
      listeners.delete(listener)
    }
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as Listener<Events[Name]>[]) {
      tell(listener, event)
    }
  }
}

/** Call a listener of the app: what it throws is the app's, and must not stop who tells. */
export function tell<Event>(listener: Listener<Event>, event: Event): void {
  try {
    listener(event)
  } catch (error) {
    report(error)
  }
}

/** As an error that nobody has caught: Node has no `reportError`. */
function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error)
  else
    queueMicrotask(() => {
      throw error
    })
}
