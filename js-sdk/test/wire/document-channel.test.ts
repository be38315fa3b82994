import { beforeEach, describe, expect, test } from 'vitest'
import type { DocumentHandler } from '../../src/contract.js'
import { DocumentChannel } from '../../src/wire/document-channel.js'
import { type ClientFrame, ProtocolError, type ServerMessage } from '../../src/wire/frames.js'

const document = 'tables/vehicles'
type Message = ServerMessage extends infer M
  ? M extends { document: string }
    ? Omit<M, 'document'>
    : never
  : never

let now: number
let sent: ClientFrame[]
let calls: unknown[][]
let told: unknown[][]
let token: string
let hello: Awaited<ReturnType<DocumentHandler['hello']>>
/** What a handler call waits for, or fails with. */
let during: (name: string) => unknown
let channel: DocumentChannel

const handler: DocumentHandler = {
  hello: async () => {
    await call('hello')
    return hello
  },
  opened: (opened) => call('opened', opened),
  serverHas: (vector) => call('serverHas', [...vector]),
  updates: (updates, first) =>
    call(
      'updates',
      updates.map((update) => update[0]),
      first,
    ),
  durable: (ids) => call('durable', ids),
  refused: (ids, refusal) => call('refused', ids, refusal.code),
  held: ({ code }) => void calls.push(['held', code]),
  presence: (update) => void calls.push(['presence', [...update]]),
  offline: () => void calls.push(['offline']),
  denied: ({ kind, refusal, epoch }) => call('denied', kind, refusal.code, epoch),
}

async function call(name: string, ...parameters: unknown[]): Promise<void> {
  calls.push([name, ...parameters])
  await during(name)
}

beforeEach(() => {
  now = 1000
  sent = []
  calls = []
  told = []
  token = 'tok'
  hello = { epoch: 'e1', stateVector: Uint8Array.of(7) }
  during = () => undefined
  channel = new DocumentChannel(document, handler, {
    send: (frame) => void sent.push(frame),
    token: () => token,
    now: () => now,
    random: () => 0.5,
    wakeAt: () => undefined,
    frameTarget: () => 100_000,
    entered: () => void told.push(['entered']),
    tokenRefused: (refused) => void told.push(['tokenRefused', refused]),
    tokenWanted: () => void told.push(['tokenWanted']),
    outdated: (hint) => void told.push(['outdated', hint]),
    left: () => void told.push(['left']),
    report: (error) => void told.push(['report', String(error)]),
    fault: (error) => void told.push(['fault', error.name]),
  })
})

/** Let everything happen that needs no time. */
const settle = async () => {
  for (let turn = 0; turn < 50; turn++) await null
}
const server = async (...messages: Message[]) => {
  for (const message of messages) channel.receive({ ...message, document } as ServerMessage)
  await settle()
}
const notice = (fields: object): Message => ({ kind: 'stateless', text: JSON.stringify(fields) })
const opening = (epoch = 'e1', writable = true) =>
  notice({ webhost: 'document', epoch, seq: 3, frameLimit: 1_000_000, writable })
const admitted: Message = { kind: 'authenticated', writable: true }
const step1: Message = { kind: 'step1', stateVector: Uint8Array.of(9) }
const status = (committed: boolean): Message => ({ kind: 'status', committed })
const content = (byte: number, answer = false): Message => ({
  kind: 'content',
  update: Uint8Array.of(byte),
  answer,
})
const refused = (code: string, retry = false) => notice({ webhost: 'refused', code, message: 'm', retry })
const deny = async (code: string, retry = false, epoch?: string) =>
  server(notice({ webhost: 'denied', code, message: 'm', retry, epoch }), { kind: 'denied', reason: 'no' })

const update = (id: number) => ({ id, update: Uint8Array.of(id), edits: 1 })
const kinds = () => sent.map((frame) => frame.kind)
const names = () => calls.map(([name]) => name)
const forget = () => {
  sent = []
  calls = []
  told = []
}

const connected = async () => {
  channel.connect()
  await settle()
}
const live = async () => {
  await connected()
  await server(admitted, opening(), step1)
  forget()
}
const pass = async (ms: number) => {
  now += ms
  channel.tick(now)
  await settle()
}

describe('the way in', () => {
  test('is hello, token, epoch, step 1, and then the handler may send', async () => {
    during = (name) => name === 'serverHas' && channel.send(update(1))
    await connected()
    expect(sent).toEqual([{ kind: 'auth', document, token: 'tok', version: 'webhost-sync/1;epoch=e1' }])
    await server(admitted)
    expect(kinds()).toEqual(['auth'])
    await server(opening())
    expect(kinds()).toEqual(['auth', 'step1'])
    await server(step1, content(1, true), content(2))
    expect(kinds()).toEqual(['auth', 'step1', 'update'])
    expect(calls).toEqual([
      ['hello'],
      ['opened', { epoch: 'e1', writable: true, frameLimit: 1_000_000, frameTarget: 100_000 }],
      ['serverHas', [9]],
      ['updates', [1, 2], true],
    ])
  })

  test('asks for no content where none is wanted, and names no epoch before the first contact', async () => {
    hello = { epoch: null, stateVector: null }
    await connected()
    expect(sent[0]).toMatchObject({ version: 'webhost-sync/1;send-only' })
    await server(admitted, opening('e9'), step1)
    expect(kinds()).toEqual(['auth'])
    expect(names()).toEqual(['hello', 'opened', 'serverHas'])
  })

  test('is tried anew with backoff where the server does not go it', async () => {
    await connected()
    await pass(15_000)
    expect(kinds()).toEqual(['auth', 'detach'])
    await pass(250)
    expect(kinds()).toEqual(['auth', 'detach', 'auth'])
  })

  test('sends nothing before the handler knows what the server has', async () => {
    await connected()
    channel.send(update(1))
    await server(admitted, opening())
    channel.send(update(1))
    channel.receive({ ...step1, document } as ServerMessage)
    channel.send(update(1))
    expect(kinds()).toEqual(['auth', 'step1'])
  })
})

describe('statuses', () => {
  test('belong to the updates in the order in which they were sent', async () => {
    await live()
    for (const id of [1, 2, 3, 4]) channel.send(update(id))
    await server(status(true), status(true), refused('not_allowed'), status(false), status(true))
    expect(calls).toEqual([
      ['durable', [1, 2]],
      ['refused', [3], 'not_allowed'],
      ['durable', [4]],
    ])
  })

  test('that nobody is owed end the connection', async () => {
    await live()
    await expect(server(status(true))).rejects.toThrow(ProtocolError)
  })

  test('that never come end the connection, too', async () => {
    await live()
    channel.send(update(1))
    await pass(89_000)
    expect(told).toEqual([])
    await pass(1_000)
    expect(told).toEqual([['fault', 'ProtocolError']])
  })

  test('of the socket before are forgotten, and none of the new one is taken for them', async () => {
    await live()
    channel.send(update(1))
    channel.disconnect()
    await connected()
    await server(admitted, opening(), step1)
    channel.send(update(2))
    await server(status(true))
    expect(calls.filter(([name]) => name === 'durable')).toEqual([['durable', [2]]])
    expect(names()).toEqual(['offline', 'hello', 'opened', 'serverHas', 'durable'])
  })

  test('"later" is no refusal: reading goes on, and the update comes again with a new handshake', async () => {
    await live()
    channel.send(update(1))
    await server(refused('document_quarantined', true), status(false), content(5))
    channel.send(update(2))
    expect(calls).toEqual([['updates', [5], false]])
    expect(kinds()).toEqual(['update'])
    await pass(250)
    expect(kinds()).toEqual(['update', 'detach', 'auth'])
    expect(names()).toEqual(['updates', 'offline', 'hello'])
  })
})

describe('a document that is held', () => {
  const held = notice({ webhost: 'held', code: 'maintenance', message: 'm', retry: true })

  test('goes on reading, sends nothing, and does not ask again until the server ends the stay', async () => {
    await live()
    await server(held, content(5))
    channel.send(update(1))
    expect(calls).toEqual([
      ['held', 'maintenance'],
      ['updates', [5], false],
    ])
    await pass(3_600_000)
    expect(kinds()).toEqual([])
    await server({ kind: 'closed', reason: 'changes are taken again' })
    await pass(250)
    expect(kinds()).toEqual(['auth'])
    during = (name) => name === 'serverHas' && channel.send(update(1))
    await server(admitted, opening(), step1)
    expect(kinds()).toEqual(['auth', 'step1', 'update'])
  })

  test('from its opening on, is let in and told', async () => {
    await connected()
    during = (name) => name === 'serverHas' && channel.send(update(1))
    await server(admitted, opening(), held, step1)
    expect(names()).toEqual(['hello', 'opened', 'held', 'serverHas'])
    expect(kinds()).toEqual(['auth', 'step1'])
  })
})

describe('calls of the handler', () => {
  test('never overlap, and what arrives during one is handed over together', async () => {
    await live()
    let release = () => {}
    during = () => new Promise<void>((done) => (release = done))
    await server(content(1))
    await server(content(2), content(3), content(4))
    expect(calls).toEqual([['updates', [1], false]])
    during = () => undefined
    release()
    await settle()
    expect(calls).toEqual([
      ['updates', [1], false],
      ['updates', [2, 3, 4], false],
    ])
  })

  test('that fail make the document come in anew, after all statuses are there', async () => {
    await live()
    channel.send(update(1))
    during = (name) => {
      if (name === 'updates') throw new Error('disk full')
    }
    await server(content(1), content(2))
    expect(told).toEqual([['report', 'Error: disk full']])
    expect(kinds()).toEqual(['update'])
    await server(content(3), status(true))
    expect(kinds()).toEqual(['update', 'detach'])
    expect(names()).toEqual(['updates', 'durable', 'offline'])
    await pass(250)
    expect(kinds()).toEqual(['update', 'detach', 'auth'])
  })

  test('for presence wait for nothing, and harm nothing', async () => {
    await live()
    during = () => new Promise(() => {})
    await server(content(1), { kind: 'presence', update: Uint8Array.of(4) })
    expect(calls).toContainEqual(['presence', [4]])
    channel.sendPresence(Uint8Array.of(5))
    expect(kinds()).toEqual(['presence'])
  })
})

describe('kept out', () => {
  test.each([
    ['not_allowed', 'forbidden'],
    ['document_not_found', 'deleted'],
  ])(
    'for %s it stays away until it is asked to retry, or a new socket is there: then it asks once',
    async (code, kind) => {
      await connected()
      await deny(code)
      expect(calls).toEqual([['hello'], ['denied', kind, code, null]])
      await pass(3_600_000)
      expect(kinds()).toEqual(['auth'])
      channel.retry()
      await pass(0)
      expect(kinds()).toEqual(['auth', 'auth'])
      await deny(code)
      channel.disconnect()
      await connected()
      expect(kinds()).toEqual(['auth', 'auth', 'auth'])
      await deny(code)
      await pass(3_600_000)
      expect(kinds()).toEqual(['auth', 'auth', 'auth'])
    },
  )

  test('in the middle, the handler hears of the end first', async () => {
    await live()
    channel.send(update(1))
    await deny('not_allowed')
    expect(calls).toEqual([['offline'], ['denied', 'forbidden', 'not_allowed', null]])
  })

  test('for another epoch it comes again when the handler has adopted it, and then not as fast as it can', async () => {
    await connected()
    await deny('wrong_epoch', false, 'e2')
    expect(calls.at(-1)).toEqual(['denied', 'epoch', 'wrong_epoch', 'e2'])
    hello = { epoch: 'e2', stateVector: Uint8Array.of() }
    await pass(0)
    expect(sent.at(-1)).toMatchObject({ version: 'webhost-sync/1;epoch=e2' })
    await deny('wrong_epoch', false, 'e3')
    await pass(499)
    expect(kinds()).toEqual(['auth', 'auth'])
    await pass(1)
    expect(kinds()).toEqual(['auth', 'auth', 'auth'])
  })

  test('by an epoch that the server only mentions, as if it had denied', async () => {
    await connected()
    await server(admitted, opening('e2'))
    expect(kinds()).toEqual(['auth', 'detach'])
    expect(calls).toEqual([['hello'], ['denied', 'epoch', 'wrong_epoch', 'e2']])
  })

  test('for a while, or seldom, or because of the version', async () => {
    await connected()
    await deny('store_unavailable', true)
    expect(calls.at(-1)).toEqual(['denied', 'other', 'store_unavailable', null])
    await pass(250)
    await deny('invalid_request')
    await pass(300_000)
    expect(kinds()).toEqual(['auth', 'auth'])
    await pass(30_000)
    expect(kinds()).toEqual(['auth', 'auth', 'auth'])
    await deny('client_too_old')
    expect(told.at(-1)).toEqual(['outdated', 'm'])
    channel.disconnect()
    await connected()
    expect(kinds()).toEqual(['auth', 'auth', 'auth', 'auth'])
  })

  test('for its token it waits for a new one', async () => {
    await connected()
    await deny('token_expired')
    expect(told).toEqual([['tokenRefused', 'tok']])
    expect(names()).toEqual(['hello'])
    token = 'new'
    channel.tokenChanged()
    await pass(0)
    expect(sent.at(-1)).toMatchObject({ kind: 'auth', token: 'new' })
  })

  test('by a bare denial of another server means that there is no right', async () => {
    await connected()
    await server({ kind: 'denied', reason: 'permission-denied' })
    expect(calls.at(-1)).toEqual(['denied', 'forbidden', 'not_allowed', null])
  })

  test('by a close it comes again with backoff', async () => {
    await live()
    await server({ kind: 'closed', reason: 'Reset Connection' })
    expect(calls).toEqual([['offline']])
    await pass(250)
    expect(kinds()).toEqual(['auth'])
  })
})

describe('a new token', () => {
  test('is shown on the open document, without a new handshake', async () => {
    await live()
    token = 'new'
    channel.tokenChanged()
    await server({ kind: 'authenticated', writable: true }, opening())
    expect(sent).toEqual([{ kind: 'auth', document, token: 'new', version: 'webhost-sync/1;epoch=e1' }])
    expect(calls).toEqual([])
  })

  test('that takes the right to write makes a new handshake', async () => {
    await live()
    await server({ kind: 'authenticated', writable: false })
    expect(kinds()).toEqual(['detach'])
    await pass(0)
    await server({ kind: 'authenticated', writable: false }, opening('e1', false), step1)
    expect(calls).toContainEqual([
      'opened',
      { epoch: 'e1', writable: false, frameLimit: 1_000_000, frameTarget: 100_000 },
    ])
  })

  test.each(['close', 'denial'])(
    'that crosses a %s may have opened the document anew: the socket is given up',
    async (end) => {
      await live()
      token = 'new'
      channel.tokenChanged()
      if (end === 'denial') await deny('not_allowed')
      else await server({ kind: 'closed', reason: 'Reset Connection' })
      expect(told).toEqual([['fault', 'ProtocolError']])
    },
  )

  test('that has been answered leaves a later close what it is', async () => {
    await live()
    channel.tokenChanged()
    await server({ kind: 'authenticated', writable: true }, opening())
    await server({ kind: 'closed', reason: 'Reset Connection' })
    expect(told).toEqual([])
    expect(calls).toEqual([['offline']])
  })

  test('is asked for when the server asks', async () => {
    await live()
    await server({ kind: 'token-wanted' })
    expect(told).toEqual([['tokenWanted']])
  })
})

describe('detached', () => {
  test('it leaves when the last status is there, and tells the handler nothing more', async () => {
    await live()
    channel.send(update(1))
    channel.detach()
    await server(content(1))
    expect(told).toEqual([])
    await server(status(true))
    expect(kinds()).toEqual(['update', 'detach'])
    expect(told).toEqual([['left']])
    expect(calls).toEqual([])
  })

  test.each(['before the socket', 'during hello', 'after a loss'])('%s it just goes', async (when) => {
    if (when === 'during hello') channel.connect()
    if (when === 'after a loss') await live()
    if (when === 'after a loss') channel.disconnect()
    forget()
    channel.detach()
    await settle()
    expect(told).toEqual([['left']])
    expect(sent).toEqual([])
  })

  test('and attached again, a close before we are let in may mean either stay, so both are left', async () => {
    await connected()
    await server({ kind: 'closed', reason: 'provider_initiated' })
    expect(kinds()).toEqual(['auth', 'detach'])
    await pass(250)
    await server(admitted, opening(), step1)
    expect(kinds()).toEqual(['auth', 'detach', 'auth', 'step1'])
    expect(names()).toEqual(['hello', 'hello', 'opened', 'serverHas'])
  })
})
