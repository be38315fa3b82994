import { expect, test } from 'vitest'
import {
  actionOnClose,
  NotDurable,
  SERVER_ERRORS,
  ServerError,
  UnstorableValue,
  WebHostConfigError,
  WebHostError,
} from '../src/errors.js'

test('an error says what is wrong and what to do', () => {
  const error = new WebHostConfigError('apiUrl is missing', 'give the address of your server')
  expect(error).toBeInstanceOf(WebHostError)
  expect(error).toMatchObject({ name: 'WebHostConfigError', code: 'config' })
  expect(String(error)).toBe('WebHostConfigError: apiUrl is missing; give the address of your server')
  expect(error.hint).toBe('give the address of your server')
})

test('an unstorable value names table, key and field', () => {
  const error = new UnstorableValue({ table: 'vehicles', key: 'bus-7' }, 'tags[2].since', 'is a function')
  expect(error).toMatchObject({ table: 'vehicles', key: 'bus-7', field: 'tags[2].since' })
  expect(error.message).toMatch(/^vehicles\['bus-7'\]\.tags\[2\]\.since is a function; /)
})

test('what is not durable in time is counted', () => {
  const error = new NotDurable(63)
  expect(error.message).toContain('63 edits')
  expect(error.pending).toBe(63)
})

test("a server's error knows whether to come back, an unknown one may", () => {
  expect(new ServerError('not_allowed', 'no')).toMatchObject({ code: 'not_allowed', retry: false })
  expect(new ServerError('too_slow', 'come back').retry).toBe(true)
  expect(new ServerError('made_up_later', 'hm').retry).toBe(true)
})

test.each(Object.entries(SERVER_ERRORS))('the close code of %s leads back exactly when it may', (_, kind) => {
  expect(['retry', 'slow-down'].includes(actionOnClose(kind.close))).toBe(kind.retry)
})

test.each([
  [1000, 'retry'],
  [1001, 'retry'],
  [1006, 'retry'],
  [1009, 'smaller'],
  [1011, 'retry'],
  [1012, 'retry'],
  [1013, 'retry'],
  [4400, 'stop'],
  [4401, 'sign-in'],
  [4403, 'forbidden'],
  [4404, 'deleted'],
  [4409, 'epoch'],
  [4413, 'smaller'],
  [4426, 'outdated'],
  [4499, 'stop'],
  [4500, 'retry'],
  [4529, 'slow-down'],
  [4599, 'retry'],
] as const)('after close code %i: %s', (code, action) => {
  expect(actionOnClose(code)).toBe(action)
})
