import { memoryStore, type Store } from '@holdfast/core'
import { expressSessionStore } from '@holdfast/core/session'
import expressSession from 'express-session'
import { describe, expect, test } from 'vitest'
import { canaryKey } from '../../../../lab/src/canary.ts'
import { encryptedStore } from '../../src/store/encrypted-store.ts'
import { shuffledStore } from './shuffled-store.ts'
import { idOf, place, user, Visitor } from './visitor.ts'

const races = 1_000
const stores: [string, (seed: number) => Store][] = [
  ['in clear', (seed) => shuffledStore(seed)],
  [
    'encrypted',
    (seed) =>
      encryptedStore(shuffledStore(seed), {
        keys: [{ id: 'k1', secret: canaryKey('races') }],
      }),
  ],
]

/** A visitor with a session, and other tabs of the same browser. */
async function tabs(store: Store, options = {}) {
  const { sessions } = place({ store, ...options })
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('user_id', user))
  return { sessions, cookie: visitor.cookie!, tab: () => new Visitor(sessions, visitor.cookie) }
}

describe.each(stores)('sessions %s', (_, makeStore) => {
  test('1,000 races of requests that change different fields lose none', async () => {
    let lost = 0
    let conflicts = 0
    for (let race = 0; race < races; race++) {
      const { sessions, tab } = await tabs(makeStore(race))
      await Promise.all([
        tab().ask((session) => session.set('a', race)),
        tab().ask((session) => session.set('b', race)),
        tab().ask((session) => session.delete('user_id')),
      ])
      const data = await tab().see((session) => session.data)
      if (data.a !== race || data.b !== race || 'user_id' in data) lost++
      conflicts += sessions.stats().conflicts
    }
    expect(lost).toBe(0)
    // They did meet: each race has two that had to be merged.
    expect(conflicts).toBeGreaterThan(races)
  })

  test('1,000 races of a logout against a late save, a touch and a change of id revive none', async () => {
    const revived: string[] = []
    const met = { dropped: 0, destroyed: 0 }
    for (let race = 0; race < races; race++) {
      const { sessions, tab, cookie } = await tabs(makeStore(race), { idleTimeout: '30m' })
      const others = [tab(), tab()]
      await Promise.all([
        tab().ask((session) => session.destroy()),
        others[0]!.ask((session) => session.set('late', race)),
        others[1]!.ask((session) => (race % 2 === 0 ? session.regenerate() : session.touch())),
      ])
      // Whoever got through with a change of id first has a session that the logout did not mean; it was another id.
      const [old, ...moved] = [cookie, ...others.map((each) => each.cookie!)]
      if (!(await new Visitor(sessions, old).see((session) => session.isNew)))
        revived.push(`${race}`)
      for (const value of moved) {
        if (value === cookie) continue
        const data = await new Visitor(sessions, value).see((session) => session.data)
        const { regenerated } = sessions.stats()
        if (regenerated === 0) revived.push(`${race}: ${JSON.stringify(data)}`)
      }
      met.dropped += sessions.stats().dropped
      met.destroyed += sessions.stats().destroyed
    }
    expect(revived).toEqual([])
    expect(met.dropped).toBeGreaterThan(races / 10)
  })
})

test('a logout that was answered before a change of id began takes the user with it', async () => {
  const { sessions, tab } = await tabs(memoryStore())
  const late = tab()
  await late.ask(async (session) => {
    session.set('theme', 'dark')
    await tab().ask((same) => same.destroy())
    await session.regenerate()
    expect(session.data).toEqual({ theme: 'dark' })
  })
  expect(await late.see((session) => session.data)).toEqual({ theme: 'dark' })
  expect(sessions.stats().dropped).toBe(1)
})

test('a change that was made while the id changed goes along', async () => {
  const { tab, cookie } = await tabs(memoryStore())
  const login = tab()
  await login.ask(async (session) => {
    await tab().ask((same) => same.set('cart', [1]))
    session.set('role', 'admin')
    await session.regenerate()
    expect(session.data).toEqual({ user_id: user, cart: [1], role: 'admin' })
  })
  expect(login.cookie).not.toBe(cookie)
  expect(await login.see((session) => session.data)).toEqual({
    user_id: user,
    cart: [1],
    role: 'admin',
  })
})

test('of two requests that change the same field the later one counts', async () => {
  const { tab } = await tabs(memoryStore())
  await tab().ask(async (session) => {
    session.set('theme', 'late')
    await tab().ask((same) => same.set('theme', 'early'))
  })
  expect(await tab().see((session) => session.get('theme'))).toBe('late')
})

describe('express-session over the same stores', () => {
  type Sess = Record<string, unknown> & { cookie: object }

  function over(store: Store) {
    const sessions = expressSessionStore(expressSession, store)
    const promised = <T>(run: (callback: (error: unknown, value?: T) => void) => void) =>
      new Promise<T>((resolve, reject) =>
        run((error, value) => (error ? reject(error) : resolve(value as T))),
      )
    return {
      /** What the middleware does for a request with this id. */
      async open(id: string): Promise<Sess> {
        const raw = await promised<unknown>((callback) => sessions.get(id, callback))
        const request = { sessionID: id, sessionStore: sessions }
        return sessions.createSession(request as never, raw as never) as unknown as Sess
      },
      raw: (id: string) => promised<Sess | null>((callback) => sessions.get(id, callback as never)),
      set: (id: string, session: object) =>
        promised<void>((callback) => sessions.set(id, session as never, callback)),
      touch: (id: string, session: object) =>
        promised<void>((callback) => sessions.touch(id, session as never, callback as never)),
      destroy: (id: string) => promised<void>((callback) => sessions.destroy(id, callback)),
    }
  }
  const fresh = () => ({
    cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) },
  })

  test('1,000 races of requests that change different fields lose none', async () => {
    let lost = 0
    for (let race = 0; race < races; race++) {
      const { open, set, raw } = over(shuffledStore(race))
      await set('id', fresh())
      const [one, two] = await Promise.all([open('id'), open('id')])
      one.a = 1
      two.b = 2
      await Promise.all([set('id', one), set('id', two)])
      // Saved again: what the other one put beside is not forgotten.
      one.c = 3
      await set('id', one)
      const { a, b, c } = (await raw('id'))!
      if (a !== 1 || b !== 2 || c !== 3) lost++
    }
    expect(lost).toBe(0)
  })

  test('1,000 races of a logout against a late save and a touch revive none', async () => {
    let revived = 0
    for (let race = 0; race < races; race++) {
      const { open, set, touch, destroy, raw } = over(shuffledStore(race))
      await set('id', fresh())
      const [one, two] = await Promise.all([open('id'), open('id')])
      one.late = true
      await Promise.all([destroy('id'), set('id', one), touch('id', two)])
      await set('id', one)
      if ((await raw('id')) !== null) revived++
    }
    expect(revived).toBe(0)
  })
})

test('a session whose cookie names an id that was regenerated away is a new one in every process', async () => {
  const store = memoryStore()
  const { tab, cookie } = await tabs(store)
  await tab().ask((session) => session.regenerate())
  const elsewhere = place({ store })
  for (let replay = 0; replay < 1_000; replay++) {
    const thief = new Visitor(elsewhere.sessions, cookie)
    expect(await thief.see((session) => session.isNew && session.id !== idOf(cookie))).toBe(true)
  }
})
