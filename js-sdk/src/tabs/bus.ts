/**
 * Typed messages between the tabs of one origin: status from the leader, presence and wishes from the others.
 * Best effort and never stored: who is away or frozen misses them. Where there is no BroadcastChannel nothing
 * is sent and nothing comes. A tab doesn't hear itself.
 */

/** What this needs of a BroadcastChannel; browsers' and Node's have it. */
export interface ChannelLike {
  postMessage(message: unknown): void
  // Node's and the browsers' event types have nothing in common; what comes is checked by hand.
  addEventListener(type: 'message', listener: (event: never) => void): void
  close(): void
  /** Node: don't keep the process alive. */
  unref?(): unknown
}

/** `Messages`: name of each message to its data, which must survive the structured clone. */
export interface Bus<Messages extends object> {
  /** Whether others can be heard at all. */
  readonly connected: boolean
  send<Name extends keyof Messages & string>(name: Name, data: Messages[Name]): void
  /** Hear a message until the returned function is called. */
  on<Name extends keyof Messages & string>(name: Name, listener: (data: Messages[Name]) => void): () => void
  /** Nothing is sent or heard any more. */
  close(): void
}

/** Open a channel of this name, or give null where there is none. */
export function openChannel(name: string): ChannelLike | null {
  return typeof BroadcastChannel === 'function' ? (new BroadcastChannel(name) as ChannelLike) : null
}

export function createBus<Messages extends object>(name: string, open = openChannel): Bus<Messages> {
  const listeners = new Map<string, Set<(data: never) => void>>()
  let channel = open(name)
  channel?.unref?.()
  channel?.addEventListener('message', ({ data }: { data: unknown }) => {
    // A tab with an older or newer version of the package may say anything.
    if (channel === null || !Array.isArray(data) || typeof data[0] !== 'string') return
    for (const listener of [...(listeners.get(data[0]) ?? [])]) listener(data[1] as never)
  })
  return {
    connected: channel !== null,
    send(message, data) {
      channel?.postMessage([message, data])
    },
    on(message, listener) {
      const those = listeners.get(message) ?? new Set()
      listeners.set(message, those.add(listener))
      return () => those.delete(listener)
    },
    close() {
      channel?.close()
      channel = null
    },
  }
}
