/**
 * The newest position of every vehicle, followed while somebody looks.
 *
 * One stream of the server (`GET /api/positions/live`) serves all listeners of a tab: first the present
 * state, then what changes; after a break it goes on from where it was. Fixes recorded on this device
 * are shown at once. Knows no storage.
 */

import { tell } from '../events.js'
import { pause } from '../until.js'
import { fixOf, type Position } from './position.js'
import { ServerEventParser } from './server-events.js'

export type LatestListener = (positions: ReadonlyMap<string, Position>) => void

export interface LatestSource {
  readonly url: string
  token(reason: 'connect' | 'refresh'): Promise<string>
  /** Resolves when the server may be reached, or at the signal. */
  connected(signal: AbortSignal): Promise<void>
}

/** Silence after which the stream is taken for dead; the server says something every 15 s. */
const SILENCE_MS = 40_000
/** The first pause before the next try, and the longest; each is twice the one before, but for jitter. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000

export class LatestPositions {
  readonly #source: LatestSource
  readonly #listeners = new Set<LatestListener>()
  #positions: ReadonlyMap<string, Position> = new Map()
  #lastEventId = ''
  #running: AbortController | null = null

  constructor(source: LatestSource) {
    this.#source = source
  }

  get positions(): ReadonlyMap<string, Position> {
    return this.#positions
  }

  follow(listener: LatestListener): () => void {
    this.#listeners.add(listener)
    if (this.#positions.size > 0) tell(listener, this.#positions)
    this.resume()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.stop()
    }
  }

  /** Go on after `stop()` where somebody still listens. Returns whether somebody does. */
  resume(): boolean {
    if (this.#listeners.size === 0) return false
    if (this.#running === null) {
      this.#running = new AbortController()
      void this.#run(this.#running.signal)
    }
    return true
  }

  stop(): void {
    this.#running?.abort()
    this.#running = null
  }

  /** Take newer fixes; an older one never moves a vehicle back. */
  merge(positions: readonly Position[]): void {
    const newer = positions.filter((position) => {
      const known = this.#positions.get(position.vehicleId)
      return known === undefined || known.at.getTime() <= position.at.getTime()
    })
    if (newer.length === 0) return
    const merged = new Map(this.#positions)
    for (const position of newer) merged.set(position.vehicleId, position)
    this.#positions = merged
    for (const listener of [...this.#listeners]) tell(listener, merged)
  }

  async #run(signal: AbortSignal): Promise<void> {
    let attempt = 0
    while (!signal.aborted) {
      await this.#source.connected(signal)
      const heard = await this.#read(signal).catch(() => false)
      attempt = heard ? 0 : attempt + 1
      await pause(Math.random() * Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS), signal)
    }
  }

  /** Read one stream to its end; whether it has said anything. */
  async #read(signal: AbortSignal): Promise<boolean> {
    const silence = new AbortController()
    const response = await this.#open(AbortSignal.any([signal, silence.signal]))
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    if (!response.ok || !reader) return false
    const parser = new ServerEventParser()
    let heard = false
    try {
      for (;;) {
        const timer = setTimeout(() => silence.abort(), SILENCE_MS)
        const { done, value } = await reader.read().finally(() => clearTimeout(timer))
        if (done) return heard
        heard = true
        for (const event of parser.push(value)) {
          this.#lastEventId = event.id
          if (event.event === 'latest') this.merge((JSON.parse(event.data) as unknown[]).map(fixOf))
        }
      }
    } catch {
      return heard
    }
  }

  async #open(signal: AbortSignal): Promise<Response> {
    const ask = async (reason: 'connect' | 'refresh') =>
      fetch(this.#source.url, {
        signal,
        cache: 'no-store',
        headers: {
          Authorization: `Bearer ${await this.#source.token(reason)}`,
          ...(this.#lastEventId === '' ? {} : { 'Last-Event-ID': this.#lastEventId }),
        },
      })
    const response = await ask('connect')
    return response.status === 401 ? ask('refresh') : response
  }
}
