// Reads one frame of the y-websocket or the Hocuspocus protocol with lib0, so that the tests see what a server
// really sent, not what a provider made of it. `rest` counts the bytes after the first message:
// providers up to 3.1 would never read them.

import * as decoding from 'lib0/decoding'

const TYPES = ['sync', 'awareness', 'auth', 'query-awareness']
const SYNC_KINDS = ['step-1', 'step-2', 'update']

export function describeFrame(bytes) {
  const decoder = decoding.createDecoder(bytes)
  const type = decoding.readVarUint(decoder)
  const described = { type: TYPES[type] ?? `unknown-${type}` }
  if (type === 0) {
    described.kind = SYNC_KINDS[decoding.readVarUint(decoder)]
    described.size = decoding.readVarUint8Array(decoder).byteLength
  } else if (type === 1) {
    described.clients = readClients(decoding.readVarUint8Array(decoder))
  } else if (type === 2) {
    described.kind = decoding.readVarUint(decoder) === 0 ? 'permission-denied' : 'unknown'
    described.reason = decoding.readVarString(decoder)
  }
  described.rest = bytes.byteLength - decoder.pos
  return described
}

function readClients(body) {
  const decoder = decoding.createDecoder(body)
  return Array.from({ length: decoding.readVarUint(decoder) }, () => ({
    client: decoding.readVarUint(decoder),
    clock: decoding.readVarUint(decoder),
    state: JSON.parse(decoding.readVarString(decoder)),
  }))
}

const COLLAB_TYPES = [
  ...TYPES, 'sync-reply', 'stateless', 'broadcast-stateless', 'close', 'sync-status', 'ping', 'pong',
]

export function describeCollabFrame(bytes) {
  const decoder = decoding.createDecoder(bytes)
  const address = decoding.readVarString(decoder)
  const type = decoding.readVarUint(decoder)
  const described = { address, type: COLLAB_TYPES[type] ?? `unknown-${type}` }
  if (type === 0) described.kind = SYNC_KINDS[decoding.readVarUint(decoder)]
  if (type === 1) described.clients = readClients(decoding.readVarUint8Array(decoder))
  if (type === 2) described.kind = ['token-wanted', 'denied', 'authenticated'][decoding.readVarUint(decoder)]
  if (type === 8) described.applied = decoding.readVarUint(decoder) === 1
  return described
}
