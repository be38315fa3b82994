/** What a tab knows about itself and its browser, for choosing a leader. */
import { steadyNow, systemTimers, type Timers } from '../wire/environment.js'
import { type ChannelLike, openChannel } from './bus.js'

/** `asleep`: the page is frozen or put away now and must hold no lock. `awake`: it is back. */
export type PageSignal = 'asleep' | 'awake'

export interface TabEnvironment {
  /** Null where there are no Web Locks: the process is alone. */
  readonly locks: Pick<LockManager, 'request'> | null
  openChannel(name: string): ChannelLike | null
  visible(): boolean
  subscribe(listener: (signal: PageSignal) => void): () => void
  now(): number
  readonly timers: Timers
}

const SIGNALS = { freeze: 'asleep', pagehide: 'asleep', resume: 'awake', pageshow: 'awake' } as const

/** The page that this runs in; Node 20 has no locks and is never hidden. */
export function pageEnvironment(): TabEnvironment {
  return {
    locks: globalThis.navigator?.locks ?? null,
    openChannel,
    visible: () => globalThis.document?.visibilityState !== 'hidden',
    subscribe(listener) {
      // `freeze` and `resume` are the document's, `pagehide` and `pageshow` the window's.
      const targets = [globalThis.document, globalThis.window].filter((target) => target !== undefined)
      const react = ({ type }: Event) => listener(SIGNALS[type as keyof typeof SIGNALS])
      for (const type of Object.keys(SIGNALS)) for (const to of targets) to.addEventListener(type, react)
      return () => {
        for (const type of Object.keys(SIGNALS)) for (const to of targets) to.removeEventListener(type, react)
      }
    },
    now: steadyNow,
    timers: systemTimers,
  }
}
