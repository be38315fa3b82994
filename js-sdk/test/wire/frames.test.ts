import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ClientFrame, decodeFrame, encodeFrame, ProtocolError } from '../../src/wire/frames.js'
import { ADDRESS, DOCUMENT as document, provider, server, UPDATE } from './hocuspocus-frames.js'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const decoded = (hex: string) => decodeFrame(bytes(hex))

describe('our frames are those of the real provider', () => {
  const cases: [keyof typeof provider, ClientFrame][] = [
    ['auth', { kind: 'auth', document, token: 'tok', version: '4.8.0' }],
    ['step1', { kind: 'step1', document, stateVector: bytes('00') }],
    ['update', { kind: 'update', document, update: bytes(UPDATE) }],
    ['presence', { kind: 'presence', document, update: bytes('010500027b7d') }],
    ['detach', { kind: 'detach', document }],
    ['pong', { kind: 'pong' }],
  ]
  test.each(cases)('%s', (name, frame) => {
    expect(Buffer.from(encodeFrame(frame)).toString('hex')).toBe(provider[name])
  })

  test('a ping is one byte', () => expect([...encodeFrame({ kind: 'ping' })]).toEqual([9]))
})

test('frames of the real server are read', () => {
  expect(decoded(server.authenticated)).toEqual({ kind: 'authenticated', document, writable: true })
  expect(decoded(server.readonly)).toEqual({ kind: 'authenticated', document, writable: false })
  expect(decoded(server.step1)).toEqual({ kind: 'step1', document, stateVector: bytes('00') })
  expect(decoded(server.step2)).toEqual({ kind: 'content', document, update: bytes('0000'), answer: true })
  expect(decoded(server.update)).toEqual({ kind: 'content', document, update: bytes(UPDATE), answer: false })
  expect(decoded(server.durable)).toEqual({ kind: 'status', document, committed: true })
  expect(decoded(server.refused)).toEqual({ kind: 'status', document, committed: false })
  expect(decoded(server.tokenWanted)).toEqual({ kind: 'token-wanted', document })
  expect(decoded(server.stateless)).toEqual({ kind: 'stateless', document, text: '{"webhost":"x"}' })
  expect(decoded(server.closed)).toEqual({ kind: 'closed', document, reason: 'Reset Connection' })
  expect(decoded(server.denied)).toEqual({ kind: 'denied', document, reason: 'permission-denied' })
  expect(decoded(server.ping)).toEqual({ kind: 'ping' })
})

test('a frame that ends anywhere before its end is refused', () => {
  for (const hex of Object.values(server)) {
    const whole = bytes(hex)
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeFrame(whole.subarray(0, length)), `${hex} cut at ${length}`).toThrow(ProtocolError)
    }
  }
})

test('bytes left over, padded numbers, broken UTF-8 and unknown kinds are refused', () => {
  for (const body of ['080100', '08808000', '0802', '0003010000', '0205', '070180', '05028080']) {
    expect(() => decoded(ADDRESS + body), body).toThrow(ProtocolError)
  }
  expect(() => decoded(`ffffffffffffffffff7f${ADDRESS.slice(2)}0801`)).toThrow(ProtocolError)
})

test('a message of a newer server ends its frame and harms nothing', () => {
  expect(decoded(`${ADDRESS}2a010203`)).toEqual({ kind: 'unknown', document, type: 42 })
})

test('whatever comes is a message or a ProtocolError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (frame) => {
      try {
        expect(decodeFrame(frame)).toHaveProperty('kind')
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
    }),
    { numRuns: 2000 },
  )
})

test('content is a copy, so that storing it stores no more than it', () => {
  const frame = decoded(server.update)
  if (frame.kind !== 'content') throw new Error(frame.kind)
  expect(frame.update.buffer.byteLength).toBe(frame.update.length)
})
