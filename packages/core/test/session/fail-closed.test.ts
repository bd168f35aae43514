import { createSecretKey } from 'node:crypto'
import { inspect } from 'node:util'
import { memoryStore, StoreError, type StoreErrorKind } from '@holdfast/core'
import { createSessions, SessionError, type SessionOptions } from '@holdfast/core/session'
import { fakeClock, faultyStore, type StoreFault } from '@holdfast/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { canary, canarySecret } from '../../../../lab/src/canary.ts'
import { leaksIn } from '../../../../lab/src/leak-scan.ts'
import { newSessionId } from '../../src/session/session-id.ts'
import { signId } from '../../src/session/signed-cookie.ts'
import { idOf, place, secret, stored, user, Visitor } from './visitor.ts'

/** A visitor with a session over a store that is about to fail. */
async function about(options: Partial<SessionOptions> = {}) {
  const clock = fakeClock()
  const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
  const sessions = createSessions({ store, secrets: [secret], clock, ...options })
  const errors: Error[] = []
  sessions.on('error', ({ error }) => errors.push(error))
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('user_id', user))
  /** How long something takes on the fake clock. */
  const timed = async <T>(promise: Promise<T>, stepMs = 10, mostMs = 40_000) => {
    let value: T | undefined
    let failure: unknown
    let isDone = false
    promise.then(
      (result) => {
        value = result
        isDone = true
      },
      (error: unknown) => {
        failure = error
        isDone = true
      },
    )
    let ms = 0
    for (; !isDone && ms <= mostMs; ms += stepMs) await clock.advance(stepMs)
    if (failure !== undefined) throw failure
    return { value: value as T, ms }
  }
  return { clock, store, sessions, visitor, errors, timed }
}

const failing = (kind: StoreErrorKind, rest: Partial<StoreFault> = {}): StoreFault =>
  ({ kind: 'reject', error: new StoreError('no', { kind }), ...rest }) as StoreFault

describe('a store that does not answer', () => {
  test('a session that cannot be read is a 503 with Retry-After within 2 s, and its handler never runs', async () => {
    const { store, visitor, errors, timed } = await about()
    store.play([{ kind: 'hang' }])
    let ran = false
    const { value, ms } = await timed(
      visitor.ask(() => {
        ran = true
      }),
    )
    expect(value.status).toBe(503)
    expect(Number(value.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(value.headers.get('cache-control')).toBe('no-store')
    expect(value.headers.get('set-cookie')).toBeNull()
    expect(ran).toBe(false)
    expect(ms).toBeLessThanOrEqual(1_500 + 20)
    expect(errors).toEqual([expect.objectContaining({ kind: 'timeout', status: 503 })])
  })

  test('it is asked again with pauses, and a request that it answers in time has lost nothing', async () => {
    const { store, visitor, sessions, timed } = await about()
    store.play([failing('unavailable', { nth: { to: store.calls('get') + 4 } })])
    const { value, ms } = await timed(visitor.see((session) => session.get('user_id')))
    expect(value).toBe(user)
    expect(ms).toBeLessThan(1_000)
    expect(sessions.stats().retries).toBe(4)
    expect(sessions.stats().failed).toBe(0)
  })

  test('no two services ask again at the same moments, and each asks less often the longer it waits', async () => {
    const pausesOf = async (seed: number) => {
      const clock = fakeClock({ seed })
      const askedAt: number[] = []
      const away = () => {
        askedAt.push(clock.monotonic())
        return Promise.reject(new StoreError('no', { kind: 'unavailable' }))
      }
      const store = { ...memoryStore({ clock }), get: away }
      const { sessions } = place({ clock, store })
      sessions.on('error', () => undefined)
      const cookie = `__Host-session=${signId(newSessionId(), createSecretKey(Buffer.from(secret)))}`
      const asked = new Visitor(sessions, cookie).ask(() => 1)
      await clock.advance('3s')
      expect((await asked).status).toBe(503)
      return askedAt.slice(1).map((at, index) => at - askedAt[index]!)
    }
    const services = await Promise.all(Array.from({ length: 50 }, (_, seed) => pausesOf(seed + 1)))
    const firsts = services.map(([first]) => Math.round(first! * 1_000))
    expect(new Set(firsts).size).toBeGreaterThan(40)
    const mean = (all: number[]) => all.reduce((sum, each) => sum + each, 0) / all.length
    const laterMs = services.map((pauses) => Math.max(...pauses.slice(2)))
    expect(mean(laterMs)).toBeGreaterThan(2 * mean(services.map(([first]) => first!)))
    for (const pauses of services) expect(pauses.length).toBeGreaterThan(2)
  })

  test('a read that took long leaves less time for the write: one request stays within 2 s', async () => {
    const { store, visitor, timed } = await about()
    const gets = store.calls('get')
    store.play([
      { kind: 'hang', on: 'get', nth: { from: gets + 1, to: gets + 2 } },
      { kind: 'hang', on: 'replace' },
    ])
    const { value, ms } = await timed(visitor.ask((session) => session.set('a', 1)))
    expect(value.status).toBe(503)
    expect(ms).toBeGreaterThan(1_000)
    expect(ms).toBeLessThanOrEqual(2_000 + 60)
  })

  test('retryFor sets how long, up to 30 s', async () => {
    for (const retryFor of [0, 5_000, 30_000]) {
      const { store, visitor, timed } = await about({ retryFor })
      store.play([{ kind: 'hang' }])
      const { ms } = await timed(visitor.ask(() => 1))
      expect(ms).toBeGreaterThan(retryFor - 510)
      expect(ms).toBeLessThanOrEqual(Math.max(500, retryFor) + 20)
    }
  })

  test.for([
    [1_000, undefined],
    [100, 100],
  ])(
    'at most %i operations wait with maxWaiting %j; whoever comes on top gets the 503 at once',
    async ([most, maxWaiting]) => {
      const { store, visitor, sessions, timed, clock } = await about({ maxWaiting })
      store.play([{ kind: 'hang' }])
      const statuses: number[] = []
      const ask = () => new Visitor(sessions, visitor.cookie).ask(() => 1)
      const crowd = Array.from({ length: most! + 150 }, async () =>
        statuses.push((await ask()).status),
      )
      await clock.advance(520)
      expect(statuses).toEqual(Array(150).fill(503))
      expect(sessions.stats().waiting).toBe(most)
      const late = await timed(ask())
      expect(late.value.status).toBe(503)
      expect(late.ms).toBeLessThanOrEqual(10)
      await timed(Promise.all(crowd))
      expect(statuses).toEqual(Array(most! + 150).fill(503))
      expect(sessions.stats().waiting).toBe(0)
      store.heal()
      expect((await ask()).status).toBe(200)
    },
  )

  test('with maxWaiting 0 nobody waits: each operation has one try, and a store that answers is used', async () => {
    const { store, visitor, sessions, timed } = await about({ maxWaiting: 0 })
    expect(await visitor.see((session) => session.get('user_id'))).toBe(user)
    store.play([{ kind: 'hang' }])
    const before = store.calls('get')
    const { value, ms } = await timed(visitor.ask(() => 1))
    expect([value.status, ms <= 520, store.calls('get') - before]).toEqual([503, true, 1])
    expect(sessions.stats()).toMatchObject({ waiting: 0, retries: 0 })
    store.heal()
    expect((await visitor.ask(() => 1)).status).toBe(200)
  })

  test('a visitor without a cookie is served without the store', async () => {
    const { store, sessions, timed } = await about()
    store.play([{ kind: 'hang' }])
    const { value, ms } = await timed(new Visitor(sessions).ask(() => 'shop window'))
    expect([value.status, ms <= 10]).toEqual([200, true])
  })

  test('a touch delays no request and fails none, and one that failed is tried again by the next', async () => {
    const { store, visitor, timed, clock, sessions } = await about({ idleTimeout: '30m' })
    for (const fault of [{ kind: 'hang', on: 'touch' }, failing('read-only', { on: 'touch' })]) {
      await clock.advance('2m')
      store.play([fault as StoreFault])
      const { value, ms } = await timed(visitor.ask(() => 1))
      expect([value.status, ms <= 10]).toEqual([200, true])
      await clock.advance('3s')
      expect(sessions.stats().touched).toBe(0)
    }
    store.play([])
    const before = store.calls('touch')
    await Promise.all([visitor.ask(() => 1), visitor.ask(() => 1), visitor.ask(() => 1)])
    await clock.advance(1)
    expect(sessions.stats().touched).toBe(1)
    expect(store.calls('touch') - before).toBe(1)
  })
})

describe('a write whose answer got lost counts as done when it was', () => {
  test.for<[string, StoreFault['kind']]>([
    ['a lost answer', 'hang'],
    ['a broken connection', 'reject'],
  ])('%s', async ([, kind]) => {
    const { store, visitor, sessions, timed } = await about()
    const lost = (on: 'add' | 'replace' | 'delete') =>
      store.play([{ kind, applied: true, on, nth: store.calls(on) + 1 } as StoreFault])
    lost('replace')
    await timed(visitor.ask((session) => session.set('a', 1)))
    expect(await visitor.see((session) => session.data)).toEqual({ user_id: user, a: 1 })
    expect(sessions.stats()).toMatchObject({ conflicts: 0, dropped: 0, failed: 0 })

    const second = new Visitor(sessions)
    lost('add')
    const { value } = await timed(second.ask((session) => session.set('b', 1)))
    expect(value.status).toBe(200)
    expect(await second.see((session) => session.data)).toEqual({ b: 1 })

    lost('replace')
    const old = second.cookie
    await timed(second.ask((session) => session.regenerate()))
    expect(second.cookie).not.toBe(old)
    expect(await second.see((session) => session.data)).toEqual({ b: 1 })
    expect(sessions.stats().dropped).toBe(0)

    lost('delete')
    await timed(second.ask((session) => session.destroy()))
    expect(second.cookie).toBeUndefined()
    expect(sessions.stats().failed).toBe(0)
  })

  test('one that comes through only after the next request has changed the same session changes nothing', async () => {
    const { store, visitor, timed, clock } = await about()
    store.play([{ kind: 'hang', on: 'replace', nth: store.calls('replace') + 1 }])
    await timed(visitor.ask((session) => session.set('a', 'first')))
    await visitor.ask((session) => session.set('a', 'second'))
    // The one that hung is carried out now.
    store.heal()
    await clock.advance(10)
    expect(await visitor.see((session) => session.get('a'))).toBe('second')
  })
})

describe('a write that the server refuses is a 503, at once', () => {
  test.for<StoreErrorKind>(['full', 'read-only', 'denied', 'auth'])('%s', async (kind) => {
    const { store, visitor, errors, timed } = await about()
    const refuse = failing(kind, { on: ['add', 'replace', 'delete'] })
    store.play([refuse])
    const { value, ms } = await timed(visitor.ask((session) => session.set('a', 1)))
    expect(value.status).toBe(503)
    expect(ms).toBeLessThanOrEqual(500)
    expect(errors).toEqual([expect.objectContaining({ kind, code: 'ERR_HOLDFAST_STORE' })])
    store.play([])
    expect(await visitor.see((session) => session.data)).toEqual({ user_id: user })
  })

  test('and whoever asks for it sees it, typed', async () => {
    const { store, visitor, timed } = await about()
    store.play([failing('full', { on: ['add', 'replace', 'delete'] })])
    const seen: unknown[] = []
    const response = await timed(
      visitor.ask(async (session) => {
        session.set('a', 1)
        for (const verb of ['save', 'regenerate', 'destroy'] as const)
          await session[verb]().catch((error: unknown) => seen.push(error))
        session.delete('a')
        return 'nothing of it is said to have happened'
      }),
    )
    expect(seen).toHaveLength(3)
    for (const error of seen) {
      expect(error).toBeInstanceOf(SessionError)
      expect(error).toMatchObject({ kind: 'full', status: 503, headers: { 'Retry-After': /\d/ } })
    }
    expect(response.value.status).toBe(200)
    store.play([])
    expect(await visitor.see((session) => session.data)).toEqual({ user_id: user })
  })

  test('a session too large for the store is a 500: coming again is no help', async () => {
    const { clock, store: inner } = place()
    const store = { ...inner, capabilities: { ...inner.capabilities } }
    const small = memoryStore({ clock, maxValueBytes: 400 })
    const { sessions } = place({ store: { ...store, ...small }, clock })
    sessions.on('error', () => undefined)
    const response = await new Visitor(sessions).ask((session) => session.set('a', 'x'.repeat(500)))
    expect(response.status).toBe(500)
    expect(response.headers.get('retry-after')).toBeNull()
  })

  test('a demoted primary is tried for a moment, in which the connection may find the new one', async () => {
    const { store, visitor, timed } = await about()
    const error = new StoreError('READONLY', { kind: 'read-only', retryable: true })
    store.play([{ kind: 'reject', error, on: 'replace', nth: { to: 2 } }])
    expect((await timed(visitor.ask((session) => session.set('a', 1)))).value.status).toBe(200)
    store.play([{ kind: 'reject', error, on: 'replace' }])
    const { value, ms } = await timed(visitor.ask((session) => session.set('a', 2)))
    expect([value.status, ms < 500]).toEqual([503, true])
  })
})

test('a logout that the store did not take is a 503, and the session is still there', async () => {
  const { store, visitor, timed } = await about()
  store.play([{ kind: 'hang', on: 'delete' }])
  const { cookie } = visitor
  const { value } = await timed(
    visitor.ask(async (session) => {
      await session.destroy().catch(() => undefined)
      return new Response(null, { status: 503 })
    }),
  )
  expect(value.status).toBe(503)
  expect(visitor.cookie).toBe(cookie)
  store.play([])
  expect(await visitor.see((session) => session.get('user_id'))).toBe(user)
})

test('without a listener one failure a minute is a warning of the process', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const clock = fakeClock()
  const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
  const { sessions } = place({ clock, store })
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  store.play([failing('full')])
  for (let request = 0; request < 10; request++) await visitor.ask(() => 1)
  expect(warn).toHaveBeenCalledOnce()
  await clock.advance('61s')
  await visitor.ask(() => 1)
  expect(warn).toHaveBeenCalledTimes(2)
  warn.mockRestore()
})

test('no secret, cookie, id or value is in any error, warning, counter or inspection', async () => {
  const warnings: unknown[] = []
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => {
    warnings.push(args)
  })
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = faultyStore(inner, { faults: [], clock })
  const { sessions } = place({ clock, store, secrets: [canarySecret('hidden')] })
  const quiet = place({ clock, store, secrets: [canarySecret('hidden')] })
  const output: unknown[] = [sessions, quiet.sessions]
  quiet.sessions.on('error', (failure) => output.push(failure))
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => {
    session.set('user_id', canary)
    session.set('nested', { value: canary })
    output.push(session)
  })
  const id = idOf(visitor.cookie)
  const faults: StoreFault[][] = [
    [failing('full')],
    [{ kind: 'reject', error: new Error(`a foreign error about ${canary} and session:${id}`) }],
    [failing('unavailable')],
    [{ kind: 'hang' }],
  ]
  for (const each of faults) {
    for (const over of [sessions, quiet.sessions]) {
      store.play(each)
      const failed = new Visitor(over, visitor.cookie).ask((session) => session.set('a', canary))
      await clock.advance('3s')
      const response = await failed
      output.push(response.status, [...response.headers], await response.text())
      const errors = Promise.all(
        [over.list(canary), over.destroyAll(canary)].map((each) => each.catch((error) => error)),
      )
      await clock.advance('3s')
      output.push(...(await errors))
      store.heal()
      await clock.advance('1m')
    }
  }
  await visitor
    .ask((session) => {
      session.set(`field`, { [canary]: new Date() })
    })
    .catch((error: unknown) => output.push(error))
  output.push(sessions.stats(), quiet.sessions.stats(), warnings)
  expect(await stored(inner, id)).toMatchObject({ user_id: canary })
  const text = output
    .map((each) => inspect(each, { depth: 20, showHidden: true }) + String(each))
    .join('\n')
  expect(text).toContain('503')
  for (const hidden of [canary, id, visitor.cookie!.split('=')[1]!])
    expect(text).not.toContain(hidden)
  for (const shown of [text, JSON.stringify([output, sessions])])
    expect(leaksIn('sessions', shown)).toEqual([])
  warn.mockRestore()
})
