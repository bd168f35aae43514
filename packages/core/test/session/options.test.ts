import { memoryStore } from '@holdfast/core'
import { createSessions, expressSessionStore, type SessionOptions } from '@holdfast/core/session'
import expressSession from 'express-session'
import { describe, expect, test, vi } from 'vitest'
import { canary } from '../../../../lab/src/canary.ts'
import { place, secret, serveNode, user, Visitor } from './visitor.ts'

const create = (options: Record<string, unknown>) => () =>
  createSessions({
    store: memoryStore(),
    secrets: [secret],
    ...options,
  } as unknown as SessionOptions)

/** The name of a test is printed: what stands for a secret there becomes one here. */
const filled = (options: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, value === 'SECRET' ? secret : value]),
  )

describe('options that cannot work are refused at once, by their path', () => {
  test.for<[Record<string, unknown>, RegExp]>([
    [{ store: undefined }, /store must be a store/],
    [{ store: {} }, /store must be a store/],
    [{ secrets: undefined }, /secrets must be an array/],
    [{ secrets: [] }, /secrets must be an array of at least one/],
    [{ secrets: [undefined] }, /secrets\[0\] must be a non-empty string; it was undefined/],
    [{ secrets: [42] }, /secrets\[0\] must be a non-empty string; it was of type number/],
    [{ tll: '7d' }, /no option 'tll'; did you mean 'ttl'/],
    [{ ttl: 0 }, /ttl must be above 0/],
    [{ ttl: '7 days' }, /ttl must be milliseconds/],
    [{ ttl: Number.NaN }, /ttl must be/],
    [{ idleTimeout: -1 }, /idleTimeout must be/],
    [{ prefix: 'a b' }, /prefix must be/],
    [{ prefix: 'a\r\n' }, /prefix must be/],
    [{ cookie: { samesite: 'lax' } }, /no option 'samesite'; did you mean 'sameSite'/],
    [{ cookie: { sameSite: 'none', secure: false } }, /cookie.sameSite 'none'/],
    [{ cookie: { name: '__Host-x', secure: false } }, /cookie.name begins with a prefix/],
    [{ cookie: { name: '__Host-x', domain: 'a.example' } }, /cookie.name begins with __Host-/],
    [{ cookie: { name: 'a;b' } }, /cookie.name must be/],
    [{ cookie: { domain: 'a; Secure' } }, /cookie.domain must be/],
    [{ cookie: { path: '/a;b' } }, /cookie.path must be/],
    [{ record: true }, /trustProxy must say/],
    [{ record: true, trustProxy: 'yes' }, /trustProxy must be/],
    [{ retryFor: '31s' }, /retryFor must be at most 30 s/],
    [{ maxWaiting: -1 }, /maxWaiting must be/],
    [{ sessionsPerUser: 0 }, /sessionsPerUser must be/],
    [{ userField: 'version' }, /userField must be/],
    [{ clock: {} }, /clock must be a clock/],
  ])('%j', ([options, message]) => {
    expect(create(options)).toThrow(
      expect.objectContaining({
        code: 'ERR_HOLDFAST_INVALID_OPTION',
        message: expect.stringMatching(message),
      }),
    )
  })

  test('no message shows a secret', () => {
    for (const secrets of [secret, [[secret]], { a: secret }, [secret, '']])
      expect(create({ secrets })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(canary) }),
      )
  })
})

describe('a name of another library is answered with the one that is meant here', () => {
  test.for<[Record<string, unknown>, string]>([
    [{ secret: 'SECRET' }, "createSessions has no option 'secret'; write secrets: [secret]"],
    [{ password: 'SECRET' }, 'write secrets: [password]'],
    [{ name: 'sid' }, 'write cookie: { name }'],
    [{ cookieName: 'sid' }, 'write cookie: { name }'],
    [{ cookieOptions: {} }, "no option 'cookieOptions'; write cookie"],
    [{ maxAge: 1 }, 'write ttl, how long a session lives, or idleTimeout'],
    [{ rolling: true }, 'write idleTimeout'],
    [{ resave: false }, 'what has changed is stored'],
    [{ saveUninitialized: false }, 'what is empty is not'],
    [{ client: {} }, 'write store: redisStore(client)'],
    [{ proxy: true }, 'Secure unless cookie.secure is false'],
    [{ cookie: { maxAge: 1 } }, "cookie has no option 'maxAge'; it lives as long as its session"],
    [{ cookie: { expires: 1 } }, 'in createSessions, write ttl'],
    [{ cookie: { httpOnly: true } }, 'it always is'],
  ])('%j', ([options, message]) => {
    const words = expect.objectContaining({
      code: 'ERR_HOLDFAST_INVALID_OPTION',
      message: expect.stringContaining(message),
    })
    expect(create(filled(options))).toThrow(words)
    expect(create(filled(options))).not.toThrow(canary)
  })

  test.for<[Record<string, unknown>, string]>([
    [{ client: {} }, 'it takes a store as its second argument'],
    [{ secret: 'SECRET' }, "it is express-session's own"],
    [{ maxAge: 1 }, 'write ttl'],
  ])('expressSessionStore: %j', ([options, message]) => {
    expect(() => expressSessionStore(expressSession, memoryStore(), filled(options))).toThrow(
      message,
    )
  })
})

test('a store that cannot compare and set is refused with what it lacks', () => {
  const { add: _, ...without } = memoryStore()
  const refused = expect.objectContaining({
    code: 'ERR_HOLDFAST_UNSUPPORTED',
    message: expect.stringContaining('add and replace'),
  })
  expect(create({ store: without })).toThrow(refused)
  expect(() => expressSessionStore(expressSession, without)).toThrow(refused)
})

test('a store that counts in seconds and evicts, as Memcached does, is taken on request alone, with a warning', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const store = memoryStore()
  const evicting = {
    ...store,
    capabilities: { ...store.capabilities, evicts: true, ttlGranularityMs: 1_000 },
  }
  expect(create({ store: evicting })).toThrow('set allowEviction: true')
  expect(() => expressSessionStore(expressSession, evicting)).toThrow('set allowEviction: true')
  expect(warn).not.toHaveBeenCalled()
  create({ store: evicting, allowEviction: true })()
  expect(warn).toHaveBeenCalledOnce()
  expect(warn.mock.lastCall?.[0]).toContain('users will be logged out')
  warn.mockRestore()
})

test('a secret that may be guessed is warned of, and not shown', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  create({ secrets: [canary] })()
  expect(warn).toHaveBeenCalledOnce()
  expect(String(warn.mock.lastCall?.[0])).toContain('secrets[0]')
  expect(String(warn.mock.lastCall?.[0])).not.toContain(canary)
  warn.mockRestore()
})

describe('addresses and browsers are recorded on request, and on whose word is said', () => {
  const seen = async (trustProxy: boolean | number, forwarded?: string) => {
    const { sessions } = place({ record: true, trustProxy })
    const request = new Request('https://shop.example/', {
      headers: {
        'user-agent': 'Mozilla/5.0',
        ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
      },
    })
    await sessions.handle(request, (_, session) => {
      session.set('user_id', user)
      return new Response()
    })
    const [summary] = await sessions.list(user)
    return summary
  }

  test('without record nothing of it is kept', async () => {
    const { sessions, store } = place()
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('user_id', user))
    for await (const key of store.list!('session:'))
      expect(new TextDecoder().decode(await store.get(key))).not.toMatch(/"ip"|user_agent/)
  })

  test('the address of a connection is that of its other end', async () => {
    const { sessions } = place({ record: true, trustProxy: false })
    const origin = await serveNode(sessions, (request, response) => {
      request.session.set('user_id', user)
      response.end()
    })
    await fetch(origin, { headers: { 'x-forwarded-for': '203.0.113.9' } })
    expect(await sessions.list(user)).toEqual([expect.objectContaining({ ip: '127.0.0.1' })])
  })

  test.for<[boolean | number, string | undefined, string | undefined]>([
    [false, '203.0.113.9', undefined],
    [1, '203.0.113.9', '203.0.113.9'],
    [1, 'forged, 203.0.113.9', '203.0.113.9'],
    [2, 'forged, 203.0.113.9, 10.0.0.1', '203.0.113.9'],
    [true, '203.0.113.9, 10.0.0.1', '203.0.113.9'],
    [1, '203.0.113.9:4711', '203.0.113.9'],
    [1, '[2001:db8::1]:4711', '2001:db8::1'],
    [1, '::ffff:203.0.113.9', '203.0.113.9'],
    [1, '<script>', undefined],
    [1, undefined, undefined],
  ])('trustProxy %j with %j is %j', async ([trustProxy, forwarded, expected]) => {
    const summary = await seen(trustProxy, forwarded)
    expect(summary?.ip).toBe(expected)
    expect(summary?.userAgent).toBe('Mozilla/5.0')
  })
})
