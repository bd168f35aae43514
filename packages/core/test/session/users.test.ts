import { createHash } from 'node:crypto'
import { memoryStore, type Store } from '@holdfast/core'
import { fakeClock } from '@holdfast/core/testing'
import { describe, expect, test } from 'vitest'
import { shuffledStore } from './shuffled-store.ts'
import { user as anna, encode, idOf, type Place, place, Visitor } from './visitor.ts'

async function login({ sessions }: Place, user: string | number, visitor = new Visitor(sessions)) {
  await visitor.ask(async (session) => {
    await session.regenerate()
    session.set('user_id', user)
  })
  return visitor
}
const ids = async ({ sessions }: Place, user: string | number) =>
  (await sessions.list(user)).map(({ id }) => id)

test('a user’s sessions are listed, the last used first, and nobody else’s', async () => {
  const shop = place()
  const first = await login(shop, anna)
  await shop.clock.advance('1m')
  const second = await login(shop, anna)
  await login(shop, 'bert')
  await new Visitor(shop.sessions).ask((session) => session.set('a', 1))
  expect(await ids(shop, anna)).toEqual([idOf(second.cookie), idOf(first.cookie)])
  await shop.clock.advance('1m')
  await first.ask((session) => session.set('theme', 'dark'))
  const [latest] = await shop.sessions.list(anna)
  expect(latest).toEqual({
    id: idOf(first.cookie),
    createdAt: Date.UTC(2026, 0, 1),
    lastActivityAt: Date.UTC(2026, 0, 1, 0, 2),
    ip: undefined,
    userAgent: undefined,
    data: { user_id: anna, theme: 'dark' },
  })
  expect(await ids(shop, 'nobody')).toEqual([])
})

test('a number and its text name the same user', async () => {
  const shop = place()
  await login(shop, 42)
  expect(await ids(shop, '42')).toHaveLength(1)
  expect(await shop.sessions.destroyAll(42)).toBe(1)
  expect(shop.sessions.stats()).toMatchObject({ destroyed: 1, erased: 1 })
})

test('destroyAll ends all sessions of a user in every process, except those that are to stay', async () => {
  const shop = place()
  const visitors = await Promise.all([1, 2, 3, 4].map(() => login(shop, anna)))
  const other = await login(shop, 'bert')
  const elsewhere = place({ store: shop.store, clock: shop.clock })
  const stays = idOf(visitors[2]!.cookie)
  expect(await elsewhere.sessions.destroyAll(anna, { except: stays })).toBe(3)
  expect(elsewhere.sessions.stats()).toMatchObject({ destroyed: 3, erased: 0 })
  for (const [index, visitor] of visitors.entries()) {
    const isNew = await new Visitor(elsewhere.sessions, visitor.cookie).see(
      (session) => session.isNew,
    )
    expect(isNew).toBe(index !== 2)
  }
  expect(await other.see((session) => session.get('user_id'))).toBe('bert')
  expect(await shop.sessions.destroyAll(anna, { except: ['unknown'] })).toBe(1)
  expect(await shop.sessions.destroyAll(anna)).toBe(0)
})

test('a session that goes to another user is the other’s', async () => {
  const shop = place()
  const visitor = await login(shop, anna)
  await visitor.ask((session) => session.set('user_id', 'bert'))
  expect(await ids(shop, anna)).toEqual([])
  expect(await ids(shop, 'bert')).toEqual([idOf(visitor.cookie)])
  expect(await shop.sessions.destroyAll(anna)).toBe(0)
  expect(await visitor.see((session) => session.get('user_id'))).toBe('bert')
})

test('100 logins of one user at once are all listed, and all end at once', async () => {
  for (let round = 0; round < 10; round++) {
    const shop = place({ store: shuffledStore(round) })
    const visitors = await Promise.all(Array.from({ length: 100 }, () => login(shop, anna)))
    const expected = visitors.map(({ cookie }) => idOf(cookie)).sort()
    expect((await ids(shop, anna)).sort()).toEqual(expected)
    expect(await shop.sessions.destroyAll(anna)).toBe(100)
    expect(await ids(shop, anna)).toEqual([])
  }
})

test('no login that was answered before destroyAll began outlives it, and none that comes later is missed by the next', async () => {
  for (let round = 0; round < 200; round++) {
    const shop = place({ store: shuffledStore(round) })
    const before = await login(shop, anna)
    const late = new Visitor(shop.sessions)
    await Promise.all([shop.sessions.destroyAll(anna), login(shop, anna, late)])
    const isThere = (visitor: Visitor) =>
      new Visitor(shop.sessions, visitor.cookie).see((session) => !session.isNew)
    expect(await isThere(before)).toBe(false)
    await shop.sessions.destroyAll(anna)
    expect(await isThere(late)).toBe(false)
  }
})

test('a user has at most so many sessions: one more ends the oldest', async () => {
  const shop = place({ sessionsPerUser: 3 })
  const visitors: Visitor[] = []
  for (let index = 0; index < 5; index++) {
    await shop.clock.advance('1s')
    visitors.push(await login(shop, anna))
  }
  const isThere = await Promise.all(
    visitors.map((visitor) => visitor.see((session) => !session.isNew)),
  )
  expect(isThere).toEqual([false, false, true, true, true])
})

test('logged-out sessions do not count, and what is kept of a user does not grow with logins', async () => {
  const shop = place({ sessionsPerUser: 50 })
  const first = await login(shop, anna)
  for (let index = 0; index < 300; index++) {
    await shop.clock.advance('2m')
    const visitor = await login(shop, anna)
    await visitor.ask((session) => session.destroy())
  }
  expect(await first.see((session) => session.isNew)).toBe(false)
  const digest = createHash('sha256').update(anna).digest('base64url')
  const bytes = await shop.store.get(`session-user:${digest}`)
  expect(Object.keys(JSON.parse(new TextDecoder().decode(bytes)).sessions).length).toBeLessThan(25)
})

test('what is kept of a user ends with the last of his sessions', async () => {
  const shop = place({ ttl: '1h' })
  await login(shop, anna)
  await shop.clock.advance('2h')
  await shop.store.set('sweep', new Uint8Array(1), { ttlMs: 1 })
  expect(await ids(shop, anna)).toEqual([])
  await shop.clock.advance('2h')
  const keys: string[] = []
  for await (const key of shop.store.list!('session')) keys.push(key)
  expect(keys).toEqual([])
})

describe('what it costs', () => {
  test('a login two operations, a request of a logged-in user and a logout none', async () => {
    const inner = memoryStore()
    const asked: string[] = []
    const watched = (name: 'get' | 'add' | 'replace' | 'delete' | 'getMany') => {
      const run = inner[name] as (key: string, ...rest: never[]) => Promise<never>
      return (key: string, ...rest: never[]) => {
        if (String(key).includes('-user:')) asked.push(name)
        return run(key, ...rest)
      }
    }
    const store = {
      ...inner,
      get: watched('get'),
      add: watched('add'),
      replace: watched('replace'),
      delete: watched('delete'),
      getMany: watched('getMany') as never,
    }
    const shop = place({ store })
    const visitor = await login(shop, anna)
    expect(asked).toEqual(['get', 'add'])
    await visitor.ask((session) => session.set('a', 1))
    await visitor.ask((session) => session.data)
    await visitor.ask((session) => session.destroy())
    expect(asked).toHaveLength(2)
  })

  test.for([undefined, null, '', {}])('%j is no user', async (user) => {
    const { sessions } = place()
    await expect(sessions.list(user as never)).rejects.toThrow('userId must be')
    await expect(sessions.destroyAll(user as never)).rejects.toThrow('userId must be')
  })
})

describe('a login that is under way while all sessions of its user are ended', () => {
  /** A store whose next session is stored only when it is let go. */
  function held() {
    const clock = fakeClock()
    const inner = memoryStore({ clock })
    let release = () => {}
    let reached = () => {}
    const isReached = new Promise<void>((resolve) => {
      reached = resolve
    })
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    let isFirst = true
    const store: Store = {
      ...inner,
      async add(key, bytes, keep) {
        if (isFirst && key.startsWith('session:') && String(Buffer.from(bytes)).includes(anna)) {
          isFirst = false
          reached()
          await gate
        }
        return inner.add(key, bytes, keep)
      },
    }
    return { ...place({ clock, store }), inner, isReached, release }
  }

  test('with a new session does not come after it', async () => {
    const { sessions, isReached, release } = held()
    const visitor = new Visitor(sessions)
    const login = visitor.ask((session) => session.set('user_id', anna))
    await isReached
    expect(await sessions.destroyAll(anna)).toBe(0)
    release()
    expect((await login).status).toBe(200)
    expect(visitor.cookie).toBeUndefined()
    expect(await sessions.list(anna)).toEqual([])
    expect(sessions.stats()).toMatchObject({ created: 0, dropped: 1 })
  })

  test('with a new id does not come after it, and leaves the session before the login', async () => {
    const { sessions, isReached, release } = held()
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('basket', 1))
    const login = visitor.ask(async (session) => {
      session.set('user_id', anna)
      await session.regenerate()
      session.set('role', 'admin')
    })
    await isReached
    await sessions.destroyAll(anna)
    release()
    expect((await login).status).toBe(200)
    expect(await sessions.list(anna)).toEqual([])
    expect(await visitor.see((session) => session.data)).toEqual({ basket: 1 })
  })

  test('and was stored in between is ended, too', async () => {
    const { clock, inner } = held()
    const racing: Store = {
      ...inner,
      // The session lands between the look at it and the bar.
      async add(key, bytes, keep) {
        if (String(Buffer.from(bytes)).includes('destroyed')) {
          await inner.add(key, encode({ user_id: anna }), keep)
        } else if (key.startsWith('session:')) return undefined
        return inner.add(key, bytes, keep)
      },
    }
    const { sessions } = place({ clock, store: racing })
    await new Visitor(sessions).ask((session) => session.set('user_id', anna))
    expect(await sessions.destroyAll(anna)).toBe(1)
    expect(await sessions.list(anna)).toEqual([])
  })
})
