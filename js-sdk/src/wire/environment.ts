/**
 * What the device tells about itself: network, visibility, time, timers. The link sees the world only through
 * this and its `WebSocket`.
 */

/** `visible`: the page is seen again, also out of the back/forward cache. */
export type DeviceSignal = 'online' | 'offline' | 'visible'

export interface Environment {
  /** Tells signals, an `offline` that is true already at once, until the returned function is called. */
  subscribe(listener: (signal: DeviceSignal) => void): () => void
}

export interface Timers {
  set(callback: () => void, ms: number): unknown
  clear(timer: unknown): void
}

export const systemTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/**
 * Milliseconds that look like the time of day and never jump: when a device's clock is set back by an hour,
 * nothing may wait for an hour.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now()
}

type Target = Pick<EventTarget, 'addEventListener' | 'removeEventListener'>

/** The signals of a page, or of nothing where there is none (Node, workers without a document). */
export function deviceEnvironment(
  window: Partial<Target> = globalThis,
  document: (Target & { visibilityState: string }) | undefined = globalThis.document,
  navigator: { readonly onLine?: boolean } | undefined = globalThis.navigator,
): Environment {
  return {
    subscribe(listener) {
      const ends: (() => void)[] = []
      const on = (target: Partial<Target> | undefined, type: string, react: (event: Event) => void) => {
        target?.addEventListener?.(type, react)
        ends.push(() => target?.removeEventListener?.(type, react))
      }
      on(window, 'online', () => listener('online'))
      on(window, 'offline', () => listener('offline'))
      on(window, 'pageshow', (event) => {
        if ((event as PageTransitionEvent).persisted) listener('visible')
      })
      on(document, 'visibilitychange', () => {
        if (document?.visibilityState === 'visible') listener('visible')
      })
      if (navigator?.onLine === false) listener('offline')
      return () => {
        for (const end of ends) end()
      }
    },
  }
}
