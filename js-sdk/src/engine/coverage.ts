/** Which updates a state covers, and what a server lacks beside them. Pure. */
import * as Y from 'yjs'

type Vector = Map<number, number>

/** Whether all that an update adds is in the document, and none of it waits for something missing. */
export function isIntegrated(doc: Y.Doc, update: Uint8Array): boolean {
  return !exceeds(Y.parseUpdateMeta(update).to, Y.decodeStateVector(Y.encodeStateVector(doc)))
}

/** Whether the document of this state vector may hold more than the server and the local updates together. */
export function isBeyond(ours: Uint8Array, server: Uint8Array, updates: readonly Uint8Array[]): boolean {
  return exceeds(Y.decodeStateVector(ours), withUpdates(server, updates))
}

/** One update with all of it; null when nothing is missing. */
export function beyond(doc: Y.Doc, server: Uint8Array, updates: readonly Uint8Array[]): Uint8Array | null {
  const reached = withUpdates(server, updates)
  if (!exceeds(Y.decodeStateVector(Y.encodeStateVector(doc)), reached)) return null
  return Y.encodeStateAsUpdate(doc, encodeVector(reached))
}

function withUpdates(server: Uint8Array, updates: readonly Uint8Array[]): Vector {
  const reached = Y.decodeStateVector(server)
  for (const update of updates) {
    const { from, to } = Y.parseUpdateMeta(update)
    for (const [client, end] of to) {
      const has = reached.get(client) ?? 0
      // An update that begins later than the server's end would wait there for what is missing between.
      if ((from.get(client) ?? 0) <= has && end > has) reached.set(client, end)
    }
  }
  return reached
}

function exceeds(ours: Vector, reached: Vector): boolean {
  return [...ours].some(([client, clock]) => clock > (reached.get(client) ?? 0))
}

function encodeVector(vector: Vector): Uint8Array {
  return Y.encodeStateVector(vector)
}
