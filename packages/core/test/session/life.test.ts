import { memoryStore, StoreError } from '@holdfast/core'
import type { Session } from '@holdfast/core/session'
import { fakeClock, faultyStore } from '@holdfast/core/testing'
import { describe, expect, test } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { encode, idOf, place, secret, serveNode, stored, user, Visitor } from './visitor.ts'

const minute = 60_000

test('a visit that keeps nothing stores nothing and hands out no cookie', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  expect(await visitor.see((session) => session.isNew)).toBe(true)
  expect(visitor.lastSetCookie).toBeUndefined()
  expect((await store.metrics!()).entries).toBe(0)
})

test('what one request keeps the next one finds, and the stored record is plain JSON with its version first', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => {
    session.set('user_id', user)
    session.data.permissions = ['read', 'write']
  })
  const seen = await visitor.see((session) => ({
    data: session.data,
    user: session.get('user_id'),
  }))
  expect(seen).toEqual({
    data: { user_id: user, permissions: ['read', 'write'] },
    user: user,
  })
  const id = idOf(visitor.cookie)
  const text = new TextDecoder().decode(await store.get(`session:${id}`))
  expect(text).toMatch(/^\{"version":"[0-9a-f]{16}",/)
  expect(JSON.parse(text)).toEqual({
    version: expect.any(String),
    created_at: '2026-01-01T00:00:00.000Z',
    last_activity: '2026-01-01T00:00:00.000Z',
    user_id: user,
    permissions: ['read', 'write'],
  })
})

test('the cookie is bound to the host, hidden from scripts, sent over HTTPS alone, and signed', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  expect(visitor.lastSetCookie).toMatch(
    /^__Host-session=[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
})

test('a field that is undefined is none', async () => {
  const { sessions, store } = place()
  const origin = await serveNode(sessions, (request, response) => {
    request.session.data.nothing = undefined
    response.end('done')
  })
  expect(await (await fetch(origin)).text()).toBe('done')
  expect((await store.metrics!()).entries).toBe(0)
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  await visitor.ask((session) => session.set('a', undefined))
  expect(await visitor.see((session) => [session.isNew, session.data])).toEqual([false, {}])
})

test('the cookie is handed out once', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  await visitor.ask((session) => session.set('a', 2))
  expect(visitor.lastSetCookie).toBeUndefined()
})

test('a change inside of a value is found without being told of', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('cart', { items: ['a'] }))
  await visitor.ask((session) => void session.get<{ items: string[] }>('cart')!.items.push('b'))
  await visitor.ask((session) => delete session.data.nothing)
  expect(await visitor.see((session) => session.data)).toEqual({ cart: { items: ['a', 'b'] } })
})

test('a request that changes nothing writes nothing, and without an idle timeout touches nothing', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', { b: 1 }))
  const before = await stored(store, idOf(visitor.cookie))
  await visitor.ask((session) => session.data)
  expect(await stored(store, idOf(visitor.cookie))).toEqual(before)
  expect(sessions.stats()).toMatchObject({ created: 1, saved: 0, touched: 0 })
})

test('a session ends at its absolute end however much it is used', async () => {
  const { sessions, clock } = place({ ttl: '1h', idleTimeout: '10m' })
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  for (let at = 5; at < 60; at += 5) {
    await clock.advance('5m')
    expect(await visitor.see((session) => session.get('a'))).toBe(1)
  }
  await clock.advance(5 * minute - 1_000)
  expect(await visitor.see((session) => session.get('a'))).toBe(1)
  await clock.advance(1_000)
  expect(await visitor.see((session) => session.isNew)).toBe(true)
})

test('a write late in its life does not prolong it either', async () => {
  const { sessions, clock } = place({ ttl: '1h' })
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  await clock.advance('59m')
  await visitor.ask((session) => session.set('b', 2))
  await clock.advance('59s')
  expect(await visitor.see((session) => session.data)).toEqual({ a: 1, b: 2 })
  await clock.advance('1s')
  expect(await visitor.see((session) => session.isNew)).toBe(true)
})

test('a session that nobody uses ends after its idle timeout, to the second', async () => {
  const { sessions, clock } = place({ idleTimeout: '30m' })
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  await clock.advance(30 * minute - 1_000)
  expect(await visitor.see((session) => session.get('a'))).toBe(1)
  // That request was a use.
  await clock.advance(30 * minute - 1_000)
  expect(await visitor.see((session) => session.get('a'))).toBe(1)
  await clock.advance(30 * minute + 1_000)
  expect(await visitor.see((session) => session.isNew)).toBe(true)
})

test('uses are told to the store without a write, at most once in a minute or a twentieth of the idle timeout', async () => {
  for (const [idleTimeout, paceMs] of [
    ['30m', minute],
    ['10m', minute / 2],
  ] as const) {
    const { sessions, clock, store } = place({ idleTimeout })
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('a', 1))
    const before = await stored(store, idOf(visitor.cookie))
    for (let request = 0; request < 100; request++) {
      await clock.advance(paceMs / 10)
      await visitor.ask((session) => session.touch())
    }
    expect(sessions.stats().touched).toBe(10)
    expect(await stored(store, idOf(visitor.cookie))).toEqual(before)
  }
})

test('destroy ends a session, takes the cookie back, and the id is dead', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('user_id', user))
  const { cookie } = visitor
  await visitor.ask((session) => session.destroy())
  expect(visitor.lastSetCookie).toMatch(/^__Host-session=; Max-Age=0;/)
  expect(await store.get(`session:${idOf(cookie)}`)).toBeUndefined()
  const thief = new Visitor(sessions, cookie)
  expect(await thief.see((session) => session.isNew)).toBe(true)
})

test('after destroy nothing can be set, until regenerate begins a new session', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('user_id', user))
  const old = visitor.cookie
  await visitor.ask(async (session) => {
    await session.destroy()
    expect(() => session.set('flash', 'goodbye')).toThrow('regenerate()')
    await session.regenerate()
    session.set('flash', 'goodbye')
  })
  expect(visitor.cookie).not.toBe(old)
  expect(await visitor.see((session) => session.data)).toEqual({ flash: 'goodbye' })
})

test('regenerate gives a new id with the same fields and a new absolute end, and the old id is dead at once', async () => {
  const { sessions, clock, store } = place({ ttl: '1h' })
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('cart', [1]))
  const old = visitor.cookie
  await clock.advance('50m')
  await visitor.ask(async (session) => {
    const before = session.id
    session.set('user_id', user)
    await session.regenerate()
    expect(session.id).not.toBe(before)
    expect(await store.get(`session:${before}`)).toBeUndefined()
    session.set('role', 'admin')
  })
  expect(visitor.cookie).not.toBe(old)
  expect(await new Visitor(sessions, old).see((session) => session.isNew)).toBe(true)
  await clock.advance('50m')
  expect(await visitor.see((session) => session.data)).toEqual({
    cart: [1],
    user_id: user,
    role: 'admin',
  })
})

test('the id of a stranger’s choice is never taken, signed by us or not', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  const { cookie } = visitor
  await visitor.ask((session) => session.destroy())
  const again = new Visitor(sessions, cookie)
  await again.ask((session) => session.set('b', 2))
  expect(idOf(again.cookie)).not.toBe(idOf(cookie))
})

test('a new secret in front signs, the old one still verifies, and its cookies are handed out anew', async () => {
  const { sessions, store, clock } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  const old = visitor.cookie
  const newer = canarySecret('newer')
  const both = place({ store, clock, secrets: [newer, secret] })
  const moved = new Visitor(both.sessions, old)
  expect(await moved.see((session) => session.get('a'))).toBe(1)
  expect(moved.cookie).not.toBe(old)
  const alone = place({ store, clock, secrets: [newer] })
  expect(await new Visitor(alone.sessions, old).see((session) => session.isNew)).toBe(true)
  expect(await new Visitor(alone.sessions, moved.cookie).see((session) => session.get('a'))).toBe(1)
})

test('a record that another service wrote is read, changed, and keeps what is not ours', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  const id = idOf(visitor.cookie)
  await store.set(
    `session:${id}`,
    encode({ user_id: user, created_at: '2026-01-01T00:00:00Z', metadata: { x: [1] } }),
    { ttlMs: minute },
  )
  await visitor.ask((session) => session.set('b', 2))
  expect(await stored(store, id)).toEqual({
    version: expect.stringMatching(/^[0-9a-f]{16}$/),
    created_at: '2026-01-01T00:00:00.000Z',
    last_activity: '2026-01-01T00:00:00.000Z',
    user_id: user,
    metadata: { x: [1] },
    b: 2,
  })
})

test.for([
  'no JSON',
  '[]',
  'null',
  '"text"',
  '{"version":"0123456789abcdef"',
  '{"version":"0123456789abcdef",}',
  '',
])('a damaged record %j is no session, counted', async (text) => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  await store.set(`session:${idOf(visitor.cookie)}`, encode(text), { ttlMs: minute })
  expect(await visitor.see((session) => session.isNew)).toBe(true)
  expect(sessions.stats().damaged).toBe(1)
})

test('fields named __proto__ and constructor are fields', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => {
    session.set('__proto__', { polluted: true })
    session.set('constructor', 1)
  })
  const seen = await visitor.see((session) => [
    session.get('__proto__'),
    session.get('constructor'),
    session.get('toString'),
  ])
  expect(seen).toEqual([{ polluted: true }, 1, null])
  await store.set(
    `session:${idOf(visitor.cookie)}`,
    encode('{"version":"0123456789abcdef","__proto__":{"polluted":true}}'),
    { ttlMs: minute },
  )
  await visitor.ask((session) => session.set('b', 2))
  expect(await visitor.see((session) => Object.keys(session.data))).toEqual(['__proto__', 'b'])
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})

test.for([
  ['a Date', new Date()],
  ['a Map', new Map()],
  ['NaN', Number.NaN],
  ['a function', () => 1],
  ['a BigInt', 1n],
])('%s is refused at once, as JSON would not bring it back', async ([, value]) => {
  const { sessions } = place()
  const told: unknown[] = []
  sessions.on('error', ({ error }) => told.push(error))
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => {
    expect(() => session.set('field', value)).toThrow(
      expect.objectContaining({
        code: 'ERR_HOLDFAST_CODEC',
        message: expect.stringContaining("'field'"),
      }),
    )
  })
  const response = await visitor.ask((session) => {
    session.data.hidden = value
  })
  expect(response.status).toBe(500)
  expect(told).toEqual([expect.objectContaining({ code: 'ERR_HOLDFAST_CODEC' })])
})

test('members that the library writes are not to be set', async () => {
  const { sessions } = place()
  await new Visitor(sessions).ask((session) => {
    for (const name of ['version', 'created_at', 'last_activity', ''])
      expect(() => session.set(name, 1)).toThrow(
        expect.objectContaining({ code: 'ERR_HOLDFAST_INVALID_OPTION' }),
      )
  })
})

test('a handler that throws keeps nothing, and its error is its caller’s', async () => {
  const { sessions, store } = place()
  const oops = new Error('oops')
  await expect(
    new Visitor(sessions).ask((session) => {
      session.set('a', 1)
      throw oops
    }),
  ).rejects.toBe(oops)
  expect((await store.metrics!()).entries).toBe(0)
})

test('the cookie reaches a response whose headers cannot be changed', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  const response = await visitor.ask((session) => {
    session.set('a', 1)
    return Response.redirect('https://shop.example/next', 303)
  })
  expect(response.status).toBe(303)
  expect(response.headers.get('location')).toBe('https://shop.example/next')
  expect(visitor.cookie).toBeDefined()
})

test('what is changed inside of a value is stored, however the value was reached, and what was only read is not', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask(async (session) => {
    const basket = { items: [1] }
    session.set('set', basket)
    await session.save()
    basket.items.push(2)
  })
  expect(await visitor.see((session) => session.get('set'))).toEqual({ items: [1, 2] })
  await visitor.ask((session) => session.get<{ items: number[] }>('set')!.items.push(3))
  await visitor.ask(async (session) => {
    const basket = session.get<{ items: number[] }>('set')!
    session.set('other', 1)
    await session.save()
    basket.items.push(4)
  })
  await visitor.ask((session) => (session.data.set as { items: number[] }).items.push(5))
  await visitor.ask((session) => {
    session.delete('set')
    session.set('set', { items: [0] })
    session.delete('other')
  })
  const before = await stored(store, idOf(visitor.cookie))
  expect(before).toMatchObject({ set: { items: [0] } })
  expect(before).not.toHaveProperty('other')
  const { saved } = sessions.stats()
  await visitor.ask((session) => [
    session.get('set'),
    session.data,
    session.set('set', { items: [0] }),
  ])
  expect(await stored(store, idOf(visitor.cookie))).toEqual(before)
  expect(sessions.stats().saved).toBe(saved)
})

test('a member of another service whose name could not be set is carried along', async () => {
  const { sessions, store } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  const id = idOf(visitor.cookie)
  await store.set(`session:${id}`, encode({ '': 'theirs', a: 1 }), { ttlMs: minute })
  await visitor.ask((session) => {
    session.data.a = 2
  })
  expect(await stored(store, id)).toMatchObject({ '': 'theirs', a: 2 })
})

describe('what the body of a response changes while it is read', () => {
  const streamed = (session: Session, change: () => unknown) =>
    new Response(
      new ReadableStream(
        {
          async pull(controller) {
            await change()
            controller.enqueue(new TextEncoder().encode(String(session.get('a'))))
            controller.close()
          },
        },
        { highWaterMark: 0 },
      ),
    )

  test('is stored by its own save, and by nothing else: the response has gone by then', async () => {
    const { sessions } = place()
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('a', 1))
    const change = (by: (session: Session) => unknown) =>
      visitor.ask((session) =>
        streamed(session, () => {
          session.set('a', Number(session.get('a')) + 1)
          return by(session)
        }),
      )
    const forgotten = await change(() => undefined)
    expect(await forgotten.text()).toBe('2')
    expect(await visitor.see((session) => session.get('a'))).toBe(1)
    const saved = await change((session) => session.save())
    expect(await visitor.see((session) => session.get('a'))).toBe(1)
    expect(await saved.text()).toBe('2')
    expect(await visitor.see((session) => session.get('a'))).toBe(2)
  })

  test('and cannot be stored, cuts the body where the save was waited for', async () => {
    const clock = fakeClock()
    const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
    const { sessions } = place({ clock, store })
    sessions.on('error', () => undefined)
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('a', 1))
    const response = await visitor.ask((session) =>
      streamed(session, () => {
        session.set('a', 2)
        return session.save()
      }),
    )
    store.play([{ kind: 'reject', error: new StoreError('no', { kind: 'full' }), on: 'replace' }])
    await expect(response.text()).rejects.toMatchObject({ name: 'SessionError', status: 503 })
    store.heal()
    expect(await visitor.see((session) => session.get('a'))).toBe(1)
  })
})
