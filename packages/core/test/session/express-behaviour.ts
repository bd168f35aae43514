import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Store } from '@holdfast/core'
import { expressSessionStore } from '@holdfast/core/session'
import express from 'express'
import type expressSession from 'express-session'
import { canarySecret } from '../../../../lab/src/canary.ts'

/** What express-session expects of a store, in cases for any runner and any store. */
export interface ExpressCase {
  readonly name: string
  run(): Promise<void>
}

type Options = Parameters<typeof expressSessionStore>[2]
type Json = Record<string, unknown> | null

export interface ExpressPlace {
  readonly store: Store
  /** The clock's step in which the store ends entries, in milliseconds. */
  readonly stepMs: number
  readonly options?: Options
}

let prefixes = 0
/** What a session holds is as secret as what signs it. */
const user = canarySecret('user')

/** @param session the module, as the package under test has installed it. */
export function expressBehaviour(
  session: typeof expressSession,
  create: () => ExpressPlace,
): ExpressCase[] {
  const over = (more: Options = {}) => {
    const { store, stepMs, options } = create()
    const prefix = `express-${process.pid}-${++prefixes}:`
    const sessions = expressSessionStore(session, store, { prefix, ...options, ...more })
    const promised = <T>(run: (callback: (error: unknown, value?: unknown) => void) => void) =>
      new Promise<T>((resolve, reject) =>
        run((error, value) => (error ? reject(error) : resolve(value as T))),
      )
    return {
      store,
      stepMs,
      prefix,
      sessions,
      get: (id: string) => promised<Json>((callback) => sessions.get(id, callback)),
      set: (id: string, session: object) =>
        promised<void>((callback) => sessions.set(id, session as never, callback)),
      touch: (id: string, session: object) =>
        promised<void>((callback) => sessions.touch(id, session as never, callback)),
      destroy: (id: string) => promised<void>((callback) => sessions.destroy(id, callback)),
      all: () => promised<{ id: string }[]>((callback) => sessions.all(callback as never)),
      length: () => promised<number>((callback) => sessions.length(callback as never)),
      clear: () => promised<void>((callback) => sessions.clear(callback)),
    }
  }
  const cookie = (lifeMs: number | null = 60_000) =>
    lifeMs === null
      ? { originalMaxAge: null, expires: null }
      : { originalMaxAge: lifeMs, expires: new Date(Date.now() + lifeMs) }
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

  /** A small app with express-session in front. */
  const app = async (
    place: ReturnType<typeof over>,
    settings: Partial<expressSession.SessionOptions>,
    act: (request: express.Request, response: express.Response) => unknown,
  ) => {
    const server = createServer(
      express()
        .use(
          session({
            secret: canarySecret('express'),
            resave: false,
            saveUninitialized: false,
            store: place.sessions,
            ...settings,
          }),
        )
        .get('/*path', act)
        .get('/', act),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return {
      async get(path: string, sent?: string) {
        const response = await fetch(origin + path, sent ? { headers: { cookie: sent } } : {})
        const [line] = response.headers.getSetCookie()
        return {
          status: response.status,
          retryAfter: response.headers.get('retry-after'),
          body: await response.text(),
          cookie: line?.split(';')[0] ?? sent,
        }
      },
      async [Symbol.asyncDispose]() {
        server.closeAllConnections()
        server.close()
      },
    }
  }
  type Fields = expressSession.SessionData & Record<string, unknown>
  const fieldsOf = (request: express.Request) => request.session as unknown as Fields

  const cases: Record<string, () => Promise<void>> = {
    async 'stores, reads back and destroys'() {
      const { get, set, destroy } = over()
      assert.equal(await get('a'), null)
      await set('a', { cookie: cookie(), user: { name: user } })
      assert.deepEqual((await get('a'))?.user, { name: user })
      await set('a', { cookie: cookie(), user: { name: 'Bert' } })
      assert.deepEqual((await get('a'))?.user, { name: 'Bert' })
      await destroy('a')
      await destroy('a')
      assert.equal(await get('a'), null)
    },

    async 'stores plain JSON under its prefix, the version first, the fields beside it'() {
      const { store, prefix, set } = over()
      await set('a', { cookie: cookie(), user })
      const text = new TextDecoder().decode(await store.get(`${prefix}a`))
      assert.match(text, /^\{"version":"[0-9a-f]{16}","cookie":\{/)
      assert.equal(JSON.parse(text).user, user)
    },

    async 'keeps a field of the application that is called version'() {
      const { get, set, sessions } = over()
      await set('a', { cookie: cookie(), version: 3 })
      assert.equal((await get('a'))?.version, 3)
      const opened = sessions.createSession({ sessionID: 'a' } as never, (await get('a')) as never)
      Object.assign(opened, { other: 1 })
      await set('a', opened)
      const found = await get('a')
      assert.deepEqual([found?.version, found?.other], [3, 1])
    },

    async 'ends a session with its cookie, and one without an end after its own ttl'() {
      const { get, set, touch, stepMs } = over({ ttl: 2 * create().stepMs })
      await set('short', { cookie: cookie(stepMs) })
      await set('plain', { cookie: cookie(null) })
      await set('touched', { cookie: cookie(stepMs) })
      await touch('touched', { cookie: cookie(60_000) })
      await set('odd', { cookie: { originalMaxAge: 1, expires: new Date(Number.NaN) } })
      assert.notEqual(await get('plain'), null)
      assert.notEqual(await get('odd'), null)
      await sleep(3.2 * stepMs)
      assert.deepEqual(
        [await get('short'), await get('plain'), (await get('touched')) !== null],
        [null, null, true],
      )
    },

    async 'an end that has passed ends it now'() {
      const { get, set } = over()
      await set('a', { cookie: cookie() })
      await set('a', { cookie: cookie(-1) })
      assert.equal(await get('a'), null)
    },

    async 'a touch creates nothing and writes nothing'() {
      const { store, prefix, get, set, touch } = over()
      await touch('nobody', { cookie: cookie() })
      assert.equal(await get('nobody'), null)
      await set('a', { cookie: cookie(), user })
      const before = await store.get(`${prefix}a`)
      await touch('a', { cookie: cookie(120_000), user: 'never stored' })
      assert.deepEqual(await store.get(`${prefix}a`), before)
    },

    async 'keeps apart ids that are odd, and a session of 100 KB'() {
      const { get, set } = over()
      const ids = ['a b', 'ä', '{tag}', 'x'.repeat(150), '__proto__', 'constructor']
      for (const id of ids) await set(id, { cookie: cookie(), id: undefined, name: id })
      for (const id of ids) assert.equal((await get(id))?.name, id)
      await set('large', { cookie: cookie(), text: 'x'.repeat(100_000) })
      assert.equal(String((await get('large'))?.text).length, 100_000)
    },

    async 'refuses typed what JSON cannot write'() {
      const { set } = over()
      const circle: Record<string, unknown> = { cookie: cookie() }
      circle.self = circle
      await assert.rejects(set('a', circle), { code: 'ERR_HOLDFAST_CODEC' })
      await assert.rejects(set('a', { cookie: cookie(), big: 1n }), { code: 'ERR_HOLDFAST_CODEC' })
    },

    async 'lists, counts and clears its own sessions and no others, or says that it cannot'() {
      const { store, all, length, clear, get, set, prefix } = over()
      const ids = Array.from({ length: 100 }, (_, index) => `s${index}`)
      for (const id of ids) await set(id, { cookie: cookie(), name: id })
      if (store.list === undefined) {
        for (const run of [all, length, clear])
          await assert.rejects(run(), { code: 'ERR_HOLDFAST_UNSUPPORTED' })
        return
      }
      await store.set(`other-${prefix}x`, new Uint8Array(1), { ttlMs: 60_000 })
      assert.equal(await length(), 100)
      assert.deepEqual((await all()).map(({ id }) => id).sort(), ids.sort())
      await clear()
      assert.equal(await length(), 0)
      assert.equal(await get('s1'), null)
      assert.notEqual(await store.get(`other-${prefix}x`), undefined)
    },

    async 'a callback that throws is called once'() {
      const { sessions, set } = over()
      await set('a', { cookie: cookie() })
      let calls = 0
      // The runner's own listeners would take it for a failure.
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      const caught = new Promise<Error>((resolve) => process.once('uncaughtException', resolve))
      sessions.get('a', () => {
        calls++
        throw new Error('its own')
      })
      const error = await caught
      for (const each of others) process.on('uncaughtException', each)
      await sleep(20)
      assert.deepEqual([error.message, calls], ['its own', 1])
    },

    async 'an app: views are counted, the id changes at login, and a logout holds'() {
      await using shop = await app(over(), {}, (request, response) => {
        const fields = fieldsOf(request)
        if (request.path === '/login') {
          request.session.regenerate(() => {
            fieldsOf(request).user = user
            response.json({})
          })
          return
        }
        if (request.path === '/logout') {
          request.session.destroy(() => response.json({}))
          return
        }
        if (request.path === '/count') fields.views = Number(fields.views ?? 0) + 1
        response.json({ views: fields.views, user: fields.user })
      })
      const first = await shop.get('/count')
      assert.equal((await shop.get('/count', first.cookie)).body, '{"views":2}')
      const login = await shop.get('/login', first.cookie)
      assert.notEqual(login.cookie, first.cookie)
      assert.equal((await shop.get('/look', login.cookie)).body, JSON.stringify({ user }))
      assert.equal((await shop.get('/look', first.cookie)).body, '{}')
      await shop.get('/logout', login.cookie)
      assert.equal((await shop.get('/look', login.cookie)).body, '{}')
    },

    async 'an app: a logout while another request changes the session, or only reads it, holds'() {
      for (const other of ['/change', '/read']) {
        await using shop = await app(over(), {}, async (request, response) => {
          const fields = fieldsOf(request)
          if (request.path === '/login') fields.user = user
          if (request.path === '/logout') {
            request.session.destroy(() => response.json({}))
            return
          }
          if (request.path === '/change') fields.late = true
          if (request.path === other) await sleep(80)
          response.json({ user: fields.user })
        })
        const { cookie: sent } = await shop.get('/login')
        const late = shop.get(other, sent)
        await sleep(30)
        await shop.get('/logout', sent)
        assert.equal((await late).status, 200)
        assert.equal((await shop.get('/look', sent)).body, '{}', other)
      }
    },

    async 'an app: two requests that change different fields lose neither'() {
      await using shop = await app(over(), {}, async (request, response) => {
        const fields = fieldsOf(request)
        const field = request.path.slice(1)
        if (field !== 'look') {
          await sleep(field === 'a' ? 60 : 20)
          fields[field] = field
        }
        response.json({ a: fields.a, b: fields.b })
      })
      const { cookie: sent } = await shop.get('/first')
      await Promise.all([shop.get('/a', sent), shop.get('/b', sent)])
      assert.equal((await shop.get('/look', sent)).body, '{"a":"a","b":"b"}')
    },
  }
  return Object.entries(cases).map(([name, run]) => ({ name, run }))
}
