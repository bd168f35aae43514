import { memoryStore } from '@holdfast/core'
import { createSessions, type Session } from '@holdfast/core/session'
import express from 'express'
import { expect, test } from 'vitest'
import { listen, place, secret, user, Visitor } from './visitor.ts'

/** What is written out of habit where sessions are another library's, mostly express-session. */

type Anything = (...given: unknown[]) => unknown
/** A session as a caller without types sees it. */
type Untyped = { cart?: unknown } & Record<'save' | 'touch' | 'destroy' | 'regenerate', Anything>
const untyped = (session: Session) => session as unknown as Untyped

test('a member that is put on a session is refused, since it would be lost', async () => {
  const { sessions } = place()
  await new Visitor(sessions).ask((session) => {
    expect(() => {
      untyped(session).cart = [user]
    }).toThrow(
      "a session keeps fields and not members: write session.set('cart', …), or session.data.cart = …",
    )
    expect(untyped(session).cart).toBeUndefined()
    expect(Object.keys(session)).toEqual([])
  })
})

test('a symbol may be put on a session, as tracing libraries do', async () => {
  const { sessions } = place()
  const mark = Symbol('mark')
  await new Visitor(sessions).ask((session) => {
    Object.assign(session, { [mark]: 1 })
    expect((session as unknown as Record<symbol, unknown>)[mark]).toBe(1)
  })
})

test.for(['save', 'touch', 'regenerate', 'destroy'] as const)(
  '%s refuses a callback, which nobody would call, at once',
  async (method) => {
    const { sessions } = place()
    await new Visitor(sessions).ask((session) => {
      expect(() => untyped(session)[method](() => undefined)).toThrow(
        `${method} of a session takes no callback: await session.${method}()`,
      )
    })
  },
)

test('a logout by callback is answered with its mistake, and not never', async () => {
  const { sessions } = place()
  const app = express()
  app.use(sessions.middleware())
  app.get('/', (request, response) => {
    untyped((request as unknown as { session: Session }).session).destroy(() => response.end())
  })
  app.use((error: Error, _request: unknown, response: express.Response, _next: unknown) => {
    response.status(500).send(error.message)
  })
  const response = await fetch(await listen(app))
  expect(response.status).toBe(500)
  expect(await response.text()).toContain('takes no callback')
})

test('a middleware or plugin that was not called is refused at its first use', () => {
  const { sessions } = place()
  const uncalled = sessions as unknown as Record<'middleware' | 'fastify', Anything>
  expect(() => uncalled.middleware({}, {}, () => undefined)).toThrow('use(sessions.middleware())')
  expect(() => uncalled.fastify({}, {}, () => undefined)).toThrow('register(sessions.fastify())')
})

test('what is no Request is refused by name', async () => {
  const { sessions } = place()
  const context = { req: { raw: new Request('https://shop.example/') } }
  await expect(sessions.handle(context as never, () => new Response())).rejects.toThrow(
    'the request of sessions.handle must be a Request (in Hono: c.req.raw)',
  )
})

test('destroyAll ends nothing where it cannot know whom to spare', async () => {
  const { sessions } = place()
  await new Visitor(sessions).ask((session) => session.set('user_id', user))
  const destroyAll = sessions.destroyAll as (user: string, options: unknown) => Promise<number>
  await expect(destroyAll(user, { exept: 'a' })).rejects.toThrow("did you mean 'except'")
  await expect(destroyAll(user, { except: { id: 'a' } })).rejects.toThrow(/except must be the id/)
  await expect(destroyAll(user, 'a')).rejects.toThrow(/must be an object/)
  expect(await sessions.list(user)).toHaveLength(1)
  expect(await destroyAll(user, { except: undefined })).toBe(1)
})

test('a path that browsers would not take is refused', () => {
  const create = (path: string) =>
    createSessions({ store: memoryStore(), secrets: [secret], cookie: { path } })
  expect(() => create('shop')).toThrow(/cookie.path must be a path that begins with '\/'/)
  create('/shop')
})
