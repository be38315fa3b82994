import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ServerEventParser } from '../../src/positions/server-events.js'

const STREAM =
  ': hello\n\nid: 7\nevent: latest\ndata: [1,\ndata: 2]\n\nevent: ready\ndata:\n\r\ndata: ü\r\n\r\n'

describe('a stream of server-sent events', () => {
  test('is cut into events; comments are none, and ids last', () => {
    expect(new ServerEventParser().push(STREAM)).toEqual([
      { event: 'latest', data: '[1,\n2]', id: '7' },
      { event: 'ready', data: '', id: '7' },
      { event: 'message', data: 'ü', id: '7' },
    ])
  })

  test('gives the same events in whatever pieces it arrives', () => {
    const whole = new ServerEventParser().push(STREAM)
    fc.assert(
      fc.property(fc.array(fc.nat({ max: STREAM.length })), (cuts) => {
        const places = [0, ...cuts.sort((one, other) => one - other), STREAM.length]
        const parser = new ServerEventParser()
        const events = places.slice(1).flatMap((end, piece) => parser.push(STREAM.slice(places[piece], end)))
        expect(events).toEqual(whole)
      }),
    )
  })
})
