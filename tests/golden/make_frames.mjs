// Writes frames.json: what the real npm packages put on the wire, for tests that have no Node.
//
//   cd tests/golden
//   npm install --no-save yjs@13.6.33 y-protocols@1.0.7 lib0@0.2.120
//   node make_frames.mjs
//
// The same versions give the same bytes: client ids and guids are fixed, and no time is involved.
import { readFileSync, writeFileSync } from 'node:fs'
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'
import * as authProtocol from 'y-protocols/auth'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as syncProtocol from 'y-protocols/sync'

const hex = (bytes) => Buffer.from(bytes).toString('hex')

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version

const frameOf = (type, write) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, type)
  write(encoder)
  return encoding.toUint8Array(encoder)
}

const documentOf = (clientId, change) => {
  const document = new Y.Doc({ guid: `guid-${clientId}` })
  document.clientID = clientId
  if (change !== undefined) document.transact(() => change(document))
  return document
}

// --- frames -----------------------------------------------------------------------------------

const awarenessOf = (clientId) => {
  const awareness = new awarenessProtocol.Awareness(documentOf(clientId))
  clearInterval(awareness._checkInterval)
  return awareness
}

const awarenessFrame = (awareness, clientIds = [awareness.clientID]) =>
  frameOf(1, (encoder) =>
    encoding.writeVarUint8Array(encoder, awarenessProtocol.encodeAwarenessUpdate(awareness, clientIds)))

const makeFrames = () => {
  const document = documentOf(7, (it) => it.getText('text').insert(0, 'Žluťoučký 🚚'))
  const fresh = awarenessOf(1)
  const named = awarenessOf(4294967295)
  named.setLocalState({ user: { name: 'Zoë 🚚', color: '#fe0' }, cursor: null })
  const crowd = awarenessOf(3)
  for (const other of [fresh, named]) {
    other.setLocalStateField('seen', true)
    awarenessProtocol.applyAwarenessUpdate(
      crowd, awarenessProtocol.encodeAwarenessUpdate(other, [other.clientID]), null)
  }
  const gone = awarenessOf(2)
  gone.setLocalState(null)
  return {
    'sync step 1, empty': frameOf(0, (encoder) => syncProtocol.writeSyncStep1(encoder, new Y.Doc())),
    'sync step 1': frameOf(0, (encoder) => syncProtocol.writeSyncStep1(encoder, document)),
    'sync step 2': frameOf(0, (encoder) => syncProtocol.writeSyncStep2(encoder, document)),
    'sync step 2, nothing new': frameOf(0, (encoder) =>
      syncProtocol.writeSyncStep2(encoder, document, Y.encodeStateVector(document))),
    'sync update': frameOf(0, (encoder) => syncProtocol.writeUpdate(encoder, Y.encodeStateAsUpdate(document))),
    'awareness of a fresh client': awarenessFrame(awarenessOf(1)),
    'awareness, not ASCII': awarenessFrame(named),
    'awareness of three': awarenessFrame(crowd, [1, 3, 4294967295]),
    'awareness, leave': awarenessFrame(gone),
    'awareness about nobody': awarenessFrame(fresh, []),
    'auth, permission denied': frameOf(2, (encoder) =>
      authProtocol.writePermissionDenied(encoder, 'přístup odepřen 🚫')),
    'query awareness': frameOf(3, () => {})
  }
}

// --- the return of a client after a leave that the server said for it ----------------------------

const leaveFrame = (clientId, clock) => frameOf(1, (encoder) => {
  const body = encoding.createEncoder()
  encoding.writeVarUint(body, 1)
  encoding.writeVarUint(body, clientId)
  encoding.writeVarUint(body, clock)
  encoding.writeVarString(body, 'null')
  encoding.writeVarUint8Array(encoder, encoding.toUint8Array(body))
})

const bodyOf = (frame) => frame.slice(2) // these bodies are shorter than 128 bytes

/** Let `client` be seen by `other` and then end for it by a leave that carries its clock + `raise`. */
const endFor = (raise) => {
  const [client, other] = [awarenessOf(5), awarenessOf(6)]
  client.setLocalState({ name: 'truck' })
  const first = awarenessFrame(client)
  const leave = leaveFrame(5, client.meta.get(5).clock + raise)
  awarenessProtocol.applyAwarenessUpdate(other, bodyOf(first), null)
  awarenessProtocol.applyAwarenessUpdate(other, bodyOf(leave), null)
  return { client, other, first, leave }
}

const renewalsUntilSeen = (raise) => {
  const { client, other } = endFor(raise)
  for (let renewals = 0; ; renewals++) {
    awarenessProtocol.applyAwarenessUpdate(other, bodyOf(awarenessFrame(client)), null)
    if (other.getStates().has(5)) return renewals
    client.setLocalState(client.getLocalState())
  }
}

const makeReturn = () => {
  const { client, other, first, leave } = endFor(0)
  const claim = awarenessFrame(client)
  let answer = null
  client.on('update', () => { answer = awarenessFrame(client) })
  awarenessProtocol.applyAwarenessUpdate(other, bodyOf(claim), null)
  const isSeenAfterClaim = other.getStates().has(5)
  awarenessProtocol.applyAwarenessUpdate(client, bodyOf(leave), null)
  awarenessProtocol.applyAwarenessUpdate(other, bodyOf(answer), null)
  return {
    first: hex(first),
    leave: hex(leave),
    claim: hex(claim),
    answer: hex(answer),
    seen_after_claim: isSeenAfterClaim,
    seen_after_answer: other.getStates().has(5),
    renewals_until_seen: { 'leave at the clock': renewalsUntilSeen(0), 'leave at the clock + 1': renewalsUntilSeen(1) }
  }
}

// --- updates ----------------------------------------------------------------------------------

/** Put content that Yjs only reads today, from documents of its early versions, into a root array. */
const insertOldJson = (document, values) => document.transact((transaction) => {
  const parent = document.getArray('old')
  const id = Y.createID(document.clientID, Y.getState(document.store, document.clientID))
  new Y.Item(id, null, null, null, null, parent, null, new Y.ContentJSON(values)).integrate(transaction, 0)
})

const updatesOf = (document, change) => {
  const updates = []
  document.on('update', (update) => updates.push(update))
  change(document)
  return updates
}

const CHANGES = {
  'nothing': () => {},
  'text': (it) => it.getText('t').insert(0, 'hello'),
  'text with pairs of surrogates': (it) => it.getText('t').insert(0, 'a🚚b👩‍🚒c'),
  'text cut between surrogates': (it) => {
    it.getText('t').insert(0, 'a🚚b')
    it.getText('t').delete(1, 1)
  },
  'formats': (it) => {
    it.getText('t').insert(0, 'plain bold', {})
    it.getText('t').format(6, 4, { bold: true, link: { href: 'https://example.org/ž' } })
  },
  'a format with half a pair': (it) => it.getText('t').insert(0, 'x', { note: '\ud83d' }),
  'a format with a huge number': (it) => it.getText('t').insert(0, 'x', { size: 1.7976931348623157e308 }),
  'embeds': (it) => it.getText('t').insertEmbed(0, { image: 'x.png', width: 1e21, empty: null }),
  'an embedded type': (it) => it.getText('t').insertEmbed(0, new Y.Map([['k', 1]])),
  'attributes of a text': (it) => it.getText('t').setAttribute('lang', 'cs'),
  'map': (it) => {
    it.getMap('m').set('a', 1)
    it.getMap('m').set('a', { b: [1, 'two', null] })
    it.getMap('m').set('', '')
    it.getMap('m').set('u', undefined)
    it.getMap('m').set('big', 5n)
    it.getMap('m').delete('a')
  },
  'every value': (it) => it.getArray('a').insert(0, [[
    undefined, null, true, false, 0, -0, 1, -1, 63, 64, -64, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53, 0.5, 0.1,
    NaN, Infinity, -Infinity, 0n, -(2n ** 63n), 2n ** 63n - 1n, '', 'ž', {}, [], { '': undefined, é: [[undefined]] },
    new Uint8Array([0, 255])
  ]]),
  'deep values': (it) => {
    let value = 1
    for (let depth = 0; depth < 60; depth++) value = depth % 2 ? [value] : { value }
    it.getMap('m').set('deep', value)
  },
  'binary': (it) => it.getArray('a').insert(0, [new Uint8Array([1, 2, 3]), new Uint8Array(0)]),
  'nested types': (it) => {
    it.getMap('m').set('list', new Y.Array())
    it.getMap('m').get('list').push([new Y.Map(), new Y.Text('note'), 1])
    it.getMap('m').get('list').get(0).set('k', 'v')
  },
  'XML elements and text': (it) => {
    const paragraph = new Y.XmlElement('p')
    paragraph.setAttribute('class', 'větší')
    paragraph.insert(0, [new Y.XmlText('text'), new Y.XmlElement('br')])
    it.getXmlFragment('x').insert(0, [paragraph, new Y.XmlText('end')])
  },
  'XML hook': (it) => it.getXmlFragment('x').insert(0, [new Y.XmlHook('chart')]),
  'a document in a document': (it) =>
    it.getMap('m').set('file', new Y.Doc({ guid: 'inner-guid', autoLoad: true, meta: { size: 1 } })),
  'old JSON': (it) => insertOldJson(it, [1, undefined, { a: 'ž' }, 'x']),
  'collected': (it) => {
    it.getMap('m').set('list', Y.Array.from(['a', 'b', 'c']))
    it.getMap('m').delete('list')
    it.getText('t').insert(0, 'gone')
    it.getText('t').delete(0, 4)
  }
}

// Editors that compare UTF-16 units cut pairs: 🚚 and 🚗 have their first half in common.
const HALVING = {
  'delete the first half': (text) => { text.insert(0, 'a🚚b'); text.delete(1, 1) },
  'delete the second half': (text) => { text.insert(0, 'a🚚b'); text.delete(2, 1) },
  'insert between': (text) => { text.insert(0, '🚗🚚'); text.insert(3, 'x') },
  'swap one half': (text) => { text.insert(0, '🚚!'); text.delete(1, 1); text.insert(1, '🚗'[1]) },
  'one after the other': (text) => {
    text.insert(0, '🚚🚗🚙')
    for (const at of [5, 3, 1]) { text.delete(at, 1); text.insert(0, '🚒') }
  }
}

const makeHalved = () => Object.entries(HALVING).map(([name, change]) => {
  const document = documentOf(21)
  const updates = updatesOf(document, (it) => change(it.getText('t')))
  // Half a pair has no UTF-8: it reaches the others as U+FFFD, so one of them is asked.
  const other = documentOf(22)
  for (const update of updates) Y.applyUpdate(other, update)
  return {
    name,
    updates: updates.map(hex),
    text: other.getText('t').toString(),
    state_vector: hex(Y.encodeStateVector(other))
  }
})

const makeUpdates = () => {
  const wholes = Object.entries(CHANGES).map(([name, change], index) => {
    const document = documentOf(index % 2 ? 4294967295 - index : index + 1)
    change(document)
    return [name, Y.encodeStateAsUpdate(document), Y.encodeStateVector(document)]
  })
  const typed = updatesOf(documentOf(9), (it) => {
    for (const letter of 'letters') it.getText('t').insert(0, letter)
    it.getText('t').delete(2, 3)
  })
  const elsewhere = documentOf(10)
  for (const update of typed) Y.applyUpdate(elsewhere, update)
  elsewhere.getText('t').insert(1, 'two writers')
  const kept = new Y.Doc({ gc: false })
  kept.clientID = 12
  for (const value of [1, 2, 3]) kept.getMap('m').set('overwritten', value)
  const half = documentOf(11)
  Y.applyUpdate(half, typed[0])
  const parts = {
    'merged with gaps': Y.mergeUpdates([typed[0], typed[2], typed[5]]),
    'merged without gaps': Y.mergeUpdates(typed),
    'deletes alone': typed.at(-1),
    'what is missing': Y.diffUpdate(Y.mergeUpdates(typed), Y.encodeStateVector(half)),
    'in the middle of a struct': Y.encodeStateAsUpdate(elsewhere, Y.encodeStateVectorFromUpdate(typed[0]))
  }
  return [
    ...wholes,
    ['overwritten and not collected', Y.encodeStateAsUpdate(kept), Y.encodeStateVector(kept)],
    ['two writers', Y.encodeStateAsUpdate(elsewhere), Y.encodeStateVector(elsewhere)],
    ...Object.entries(parts).map(([name, update]) => [name, update, null])
  ].map(([name, update, stateVector]) =>
    ({ name, update: hex(update), state_vector: stateVector && hex(stateVector) }))
}

const golden = {
  made_by: 'make_frames.mjs',
  versions: Object.fromEntries(['yjs', 'y-protocols', 'lib0'].map((name) => [name, versionOf(name)])),
  frames: Object.entries(makeFrames()).map(([name, frame]) => ({ name, frame: hex(frame) })),
  return_of_a_client: makeReturn(),
  updates: makeUpdates(),
  halved: makeHalved()
}
writeFileSync(new URL('./frames.json', import.meta.url), `${JSON.stringify(golden, null, 2)}\n`)
