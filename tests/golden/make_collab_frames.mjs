// Writes collab_frames.json: what the real Hocuspocus packages put on the wire, and what they hear.
//
//   cd tests/golden
//   npm install --no-save provider-3@npm:@hocuspocus/provider@3.4.4 provider-4@npm:@hocuspocus/provider@4.8.0 \
//     @hocuspocus/common@4.8.0 yjs@13.6.33 y-protocols@1.0.7 lib0@0.2.120
//   node make_collab_frames.mjs
//
// `sent` are frames of clients, taken from a provider on a socket that goes nowhere. `heard` are frames of
// servers, made by the packages' own writers, with the event that each provider makes of them.
// The same versions give the same bytes: client and session ids are fixed, and no time is involved.
import { readFileSync, writeFileSync } from 'node:fs'
import * as common from '@hocuspocus/common'
import * as encoding from 'lib0/encoding'
import * as provider3 from 'provider-3'
import * as provider4 from 'provider-4'
import { Awareness } from 'y-protocols/awareness'
import * as syncProtocol from 'y-protocols/sync'
import * as Y from 'yjs'

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const turn = () => new Promise((resolve) => setImmediate(resolve))
const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version

/** A socket that is open at once, keeps what is sent, and hears what it is told. */
class Socket {
  static sent = []
  static current = null
  readyState = 1
  handlers = {}
  constructor() {
    Socket.current = this
    setImmediate(() => this.handlers.open?.({}))
  }
  addEventListener(name, handler) { this.handlers[name] = handler }
  removeEventListener() {}
  send(frame) { Socket.sent.push(new Uint8Array(frame)) }
  close() {}
  hear(frame) { this.handlers.message({ data: frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.length) }) }
}

const documentOf = (change) => {
  const document = new Y.Doc({ guid: 'guid' })
  document.clientID = 7
  if (change !== undefined) document.transact(() => change(document))
  return document
}

/** Open a document with a provider and let it have its first say. */
const opened = async ({ HocuspocusProvider, HocuspocusProviderWebsocket }, name, options = {}) => {
  Socket.sent = []
  const websocketProvider = new HocuspocusProviderWebsocket({ url: 'ws://nowhere', WebSocketPolyfill: Socket })
  const document = options.document ?? documentOf()
  const awareness = new Awareness(document)
  clearInterval(awareness._checkInterval)
  const provider = new HocuspocusProvider({ websocketProvider, name, document, awareness, token: 'tøken', ...options })
  provider.sessionId = 'ses5ion'
  provider.attach()
  while (Socket.sent.length < 3) await turn() // token, step 1, awareness
  return { provider, websocketProvider, document, awareness }
}

const closed = ({ provider, websocketProvider }) => {
  provider.destroy()
  websocketProvider.destroy()
}

const frameOf = (name, type, write = () => {}) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarString(encoder, name)
  encoding.writeVarUint(encoder, type)
  write(encoder)
  return encoding.toUint8Array(encoder)
}

const sentBy = async (version, packages) => {
  const frames = {}
  const note = (what) => {
    for (const [index, frame] of Socket.sent.entries()) frames[`${version}: ${what} ${index + 1}`] = hex(frame)
    Socket.sent = []
  }
  const one = await opened(packages, 'depot/Žluťoučký 🚚')
  note('opening')
  one.document.getText('text').insert(0, 'Žluťoučký 🚚')
  note('update')
  one.awareness.setLocalState({ user: { name: 'Zoë 🚚' } })
  note('awareness')
  one.provider.sendStateless('{"note":"ž"}')
  note('stateless')
  Socket.current.hear(frameOf('depot/Žluťoučký 🚚', 0, (encoder) => syncProtocol.writeSyncStep1(encoder, new Y.Doc())))
  note('answer to a step 1')
  one.provider.forceSync()
  note('forced sync')
  closed(one)
  note('leaving')
  if (version === '4.8.0') {
    const session = await opened(packages, 'depot', { sessionAwareness: true })
    note('opening of a session')
    Socket.current.hear(Uint8Array.of(9))
    note('answer to a ping')
    closed(session)
  }
  return frames
}

const SERVER = {
  authenticated: ['authenticated', (e) => common.writeAuthenticated(e, 'read-write'), 2],
  'authenticated, read-only': ['authenticated', (e) => common.writeAuthenticated(e, 'readonly'), 2],
  'permission denied': ['authenticationFailed', (e) => common.writePermissionDenied(e, 'přístup odepřen 🚫'), 2],
  'token wanted': ['outgoingMessage', (e) => common.writeTokenSyncRequest(e), 2],
  stateless: ['stateless', (e) => encoding.writeVarString(e, '{"note":"ž"}'), 5],
  close: ['close', (e) => encoding.writeVarString(e, 'Reset Connection'), 7],
  'sync status, applied': ['unsyncedChanges', (e) => encoding.writeVarUint(e, 1), 8],
  'sync status, refused': [null, (e) => encoding.writeVarUint(e, 0), 8],
  'awareness about nobody': [null, (e) => encoding.writeVarUint8Array(e, Uint8Array.of(0)), 1]
}

const heardBy = async (packages, frame) => {
  const one = await opened(packages, 'depot')
  const events = []
  for (const [event] of Object.values(SERVER)) {
    if (event !== null && !events.some((known) => known[0] === event)) {
      const known = [event, 0]
      events.push(known)
      one.provider.on(event, () => { known[1] += 1 })
    }
  }
  Socket.current.hear(frame)
  for (let turns = 0; turns < 5; turns++) await turn()
  const happened = events.filter(([, count]) => count > 0).map(([event]) => event)
  closed(one)
  return happened
}

const heard = []
for (const [name, [event, write, type]] of Object.entries(SERVER)) {
  const frame = frameOf('depot', type, write)
  for (const packages of [provider3, provider4]) {
    const events = await heardBy(packages, frame)
    if (JSON.stringify(events) !== JSON.stringify(event === null ? [] : [event])) {
      throw new Error(`${name}: expected ${event}, heard ${events}`)
    }
  }
  heard.push({ name, frame: hex(frame), event })
}

const sent = { ...await sentBy('3.4.4', provider3), ...await sentBy('4.8.0', provider4) }
const golden = {
  made_by: 'make_collab_frames.mjs',
  versions: Object.fromEntries(
    ['provider-3', 'provider-4', 'yjs', 'y-protocols', 'lib0'].map((name) => [name, versionOf(name)])),
  sent: Object.entries(sent).map(([name, frame]) => ({ name, frame })),
  heard
}
writeFileSync(new URL('./collab_frames.json', import.meta.url), `${JSON.stringify(golden, null, 2)}\n`)
process.exit(0)
