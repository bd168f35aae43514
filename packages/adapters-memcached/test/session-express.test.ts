import { createSessions } from '@holdfast/core/session'
import { canarySecret } from '@holdfast/lab/canary'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import expressSession from 'express-session'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { expressBehaviour } from '../../core/test/session/express-behaviour.ts'
import { type MemcachedStore, memcachedStore } from '../src/index.ts'

const secrets = [canarySecret('sessions')]

describe.each(['binary', 'meta'] as const)('sessions over Memcached by %s', (protocol) => {
  let server: MemcachedServer
  let store: MemcachedStore
  beforeAll(async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    server = await startMemcached()
    store = memcachedStore({ servers: [server.address], protocol })
  })
  afterAll(async () => {
    vi.restoreAllMocks()
    await store?.close()
    await server?.stop()
  })
  const options = { retryFor: '10s', allowEviction: true } as const
  // It counts in whole seconds.
  const cases = expressBehaviour(expressSession, () => ({ store, stepMs: 1_000, options }))
  test.each(cases)('express-session: $name', ({ run }) => run())

  test('they are taken on request alone, with a warning', async () => {
    expect(() => createSessions({ store, secrets })).toThrow('allowEviction: true')
    createSessions({ store, secrets, allowEviction: true })
    expect(vi.mocked(process.emitWarning).mock.lastCall?.[0]).toContain('users will be logged out')
  })

  test('1,000 races of requests that change different fields lose none, and of a logout against a late save revive none', async () => {
    const sessions = createSessions({ store, secrets, allowEviction: true, retryFor: '10s' })
    const visit = async (
      cookie: string | undefined,
      act: Parameters<typeof sessions.handle>[1],
    ) => {
      const headers = cookie === undefined ? {} : { cookie }
      const response = await sessions.handle(new Request('https://a.example/', { headers }), act)
      return response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    }
    const ok = () => new Response()
    let lost = 0
    let revived = 0
    const race = async () => {
      const cookie = await visit(undefined, (_, session) => {
        session.set('basket', 1)
        return ok()
      })
      const change = (field: string) =>
        visit(cookie, (_, session) => {
          session.set(field, 1)
          return ok()
        })
      await Promise.all([change('a'), change('b')])
      await visit(cookie, (_, session) => {
        if (session.get('a') !== 1 || session.get('b') !== 1) lost++
        return ok()
      })
      const logout = visit(cookie, async (_, session) => {
        await session.destroy()
        return ok()
      })
      await Promise.all([logout, change('late')])
      await visit(cookie, (_, session) => {
        if (!session.isNew) revived++
        return ok()
      })
    }
    for (let heat = 0; heat < 50; heat++) await Promise.all(Array.from({ length: 20 }, race))
    expect([lost, revived]).toEqual([0, 0])
    expect(sessions.stats().conflicts).toBeGreaterThan(0)
    expect(sessions.stats().dropped).toBeGreaterThan(0)
  })
})
