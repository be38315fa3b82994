import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WebHostConfigError } from '../src/errors.js'
import { checkOptions, type WebHostClientOptions } from '../src/options.js'
import { thrownBy } from './golden.js'

const apiUrl = 'https://your-app.fly.dev'
const apiKey = `whs_live_${'0123456789abcdef'.repeat(4)}`
const getToken = async () => 'token'

test('address and key are enough', () => {
  expect(checkOptions({ apiUrl, apiKey })).toEqual({
    apiUrl,
    apiKey,
    databaseName: expect.stringMatching(/^webhost-[0-9a-z]{1,7}$/),
    getToken: undefined,
    durability: 'relaxed',
    connectTimeoutMs: 3000,
  })
})

test('the database is one for address and kind and prefix of the key', () => {
  const name = (change: Partial<WebHostClientOptions>) =>
    checkOptions({ apiUrl, apiKey, ...change }).databaseName
  expect(name({})).toBe(name({}))
  expect(name({})).toBe(name({ apiKey: `${apiKey.slice(0, -1)}0` })) // no secret digit goes into the name
  const others = [
    { apiUrl: 'http://localhost:8000' },
    { apiKey: apiKey.replace('live', 'test') },
    { apiKey: apiKey.replace('01234567', '11234567') },
    { databaseName: 'mine' },
  ].map(name)
  expect(new Set([name({}), ...others]).size).toBe(5)
})

test('a page with getToken needs no key, but its own name for the database', () => {
  expect(checkOptions({ apiUrl, getToken, databaseName: 'ada' })).toMatchObject({
    databaseName: 'ada',
    getToken,
  })
  expect(() => checkOptions({ apiUrl, getToken })).toThrow(
    'databaseName is missing; without apiKey give one, another for each user',
  )
})

const noAddress = 'apiUrl is no http or https address; write it as'
const bad: [object, string][] = [
  [{ apiKey }, noAddress],
  [{ apiUrl: apiKey, apiKey: apiUrl }, noAddress],
  [{ apiUrl: 'your-app.fly.dev', apiKey }, noAddress],
  [{ apiUrl: 'wss://your-app.fly.dev', apiKey }, noAddress],
  [{ apiUrl: `${apiUrl}?x=1`, apiKey }, noAddress],
  [{ apiUrl: ` ${apiUrl}`, apiKey }, noAddress],
  [{ apiUrl: 'https://me:secret@your-app.fly.dev', apiKey }, noAddress],
  [{ apiUrl: 'https://[', apiKey }, noAddress],
  [{ apiUrl: `${apiUrl}/`, apiKey }, "apiUrl ends with '/'; leave the slash out"],
  [{ apiUrl }, "apiKey doesn't begin with whs_live_ or whs_test_"],
  [{ apiUrl, apiKey: '' }, "apiKey doesn't begin with whs_live_ or whs_test_"],
  [{ apiUrl, apiKey: 'sk_live_abc' }, "apiKey doesn't begin with whs_live_ or whs_test_"],
  [{ apiUrl, apiKey: ` ${apiKey}` }, "apiKey doesn't begin with whs_live_ or whs_test_"],
  [{ apiUrl, apiKey: 'whs_live_your_key_here' }, 'apiKey has 13 characters after whs_live_ that are not 64'],
  [{ apiUrl, apiKey: `${apiKey}\n` }, 'apiKey has 65 characters'],
  [{ apiUrl, apiKey: apiKey.replaceAll('a', 'A') }, 'apiKey has 64 characters after whs_live_ that are not'],
  [{ apiUrl, apiKey: 'nonsense', getToken }, "apiKey doesn't begin with"],
  [{ apiUrl, apiKey, getToken: 'token' }, 'getToken is no function'],
  [{ apiUrl, apiKey, durability: 'loose' }, 'durability is unknown'],
  [{ apiUrl, apiKey, connectTimeoutMs: -1 }, 'connectTimeoutMs is no number of milliseconds'],
  [{ apiUrl, apiKey, connectTimeoutMs: Number.NaN }, 'connectTimeoutMs is no number of milliseconds'],
]

test.each(bad)('%o is refused', (options, problem) => {
  const error = thrownBy(() => checkOptions(options as WebHostClientOptions)) as WebHostConfigError
  expect(error).toBeInstanceOf(WebHostConfigError)
  expect(error.message).toContain(problem)
  expect(error.hint).not.toBe('')
})

test('an error never holds a piece of what was given as address or key', () => {
  const secret = fc.stringMatching(/^[0-9a-f]{8,80}$/)
  const shape = fc.constantFrom('', 'whs_live_', 'whs_test_', 'https://', 'https://a@', ' whs_live_')
  const given = fc.tuple(shape, secret)
  fc.assert(
    fc.property(given, given, ([urlStart, urlSecret], [keyStart, keySecret]) => {
      try {
        checkOptions({ apiUrl: urlStart + urlSecret, apiKey: keyStart + keySecret })
      } catch (error) {
        expect(error).toBeInstanceOf(WebHostConfigError)
        const text = String(error) + JSON.stringify(error)
        for (const secret of [urlSecret, keySecret]) expect(text).not.toContain(secret)
      }
    }),
  )
})
