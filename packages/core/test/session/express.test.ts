import { inspect } from 'node:util'
import { memoryStore, StoreError } from '@holdfast/core'
import { expressSessionStore } from '@holdfast/core/session'
import { fakeClock, faultyStore } from '@holdfast/core/testing'
import express from 'express'
import expressSession from 'express-session'
import { describe, expect, test } from 'vitest'
import { canary, canaryKey, canarySecret } from '../../../../lab/src/canary.ts'
import { encryptedStore } from '../../src/store/encrypted-store.ts'
import { expressBehaviour } from './express-behaviour.ts'
import { listen } from './visitor.ts'

describe.each([
  ['the memory store', () => memoryStore()],
  [
    'an encrypted one',
    () => encryptedStore(memoryStore(), { keys: [{ id: 'a', secret: canaryKey('express') }] }),
  ],
  [
    'one that cannot list and touch',
    () => {
      const { list: _, touch: __, ...rest } = memoryStore()
      return rest
    },
  ],
] as const)('express-session over %s', (name, store) => {
  const cases = expressBehaviour(expressSession, () => ({ store: store(), stepMs: 30 }))
  // Without touch a new life is a write.
  const skipped = name.includes('touch') ? 'a touch creates nothing and writes nothing' : ''
  test.each(cases.filter((each) => each.name !== skipped))('$name', ({ run }) => run())
})

test('a store that does not answer is a 503 with Retry-After, which express itself answers', async () => {
  const clock = fakeClock()
  const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
  const app = express()
    .set('env', 'test')
    .use(
      expressSession({
        secret: canarySecret('express'),
        resave: false,
        saveUninitialized: true,
        store: expressSessionStore(expressSession, store, { clock }),
      }),
    )
    .get('/', (_, response) => response.send('ok'))
  const origin = await listen(app)
  const first = await fetch(origin)
  const cookie = first.headers.getSetCookie()[0]!.split(';')[0]!
  const error = new StoreError('no', { kind: 'full' })
  store.play([{ kind: 'reject', error, on: 'get' }])
  const response = await fetch(origin, { headers: { cookie } })
  expect(response.status).toBe(503)
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
})

test.for([
  [{ prefix: 'a b' }, /prefix must be/],
  [{ ttl: 0 }, /ttl must be above 0/],
  [{ tll: 1 }, /no option 'tll'; did you mean 'ttl'/],
  [{ retryFor: '1m' }, /retryFor must be at most 30 s/],
] as const)('options that cannot work are refused at once: %j', ([options, message]) => {
  expect(() => expressSessionStore(expressSession, memoryStore(), options as never)).toThrow(
    message,
  )
})

test('what is not express-session is refused', () => {
  expect(() => expressSessionStore({} as never, memoryStore())).toThrow(
    'the module express-session',
  )
})

test('no id and no value is in any error, warning or inspection', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const faulty = faultyStore(inner, { faults: [], clock })
  const store = expressSessionStore(expressSession, faulty, { clock })
  const output: unknown[] = [store]
  const call = async (run: (callback: (error: unknown) => void) => void) => {
    const answered = new Promise<unknown>((resolve) => run(resolve))
    await clock.advance('3s')
    output.push(await answered)
  }
  const session = {
    cookie: { originalMaxAge: 60_000, expires: new Date(clock.now() + 60_000) },
    secret: canary,
  } as never
  const circle: Record<string, unknown> = { cookie: {}, [canary]: canary }
  circle.again = circle
  await call((callback) => store.set(canary, session, callback))
  expect(new TextDecoder().decode(await inner.get(`session:${canary}`))).toContain(canary)
  for (const error of [
    new Error(`a foreign error about ${canary}`),
    new StoreError('no', { kind: 'unavailable' }),
    new StoreError('no', { kind: 'full' }),
  ]) {
    faulty.play([{ kind: 'reject', error }])
    await call((callback) => store.get(canary, callback))
    await call((callback) => store.set(canary, session, callback))
    await call((callback) => store.touch(canary, session, callback as never))
    await call((callback) => store.destroy(canary, callback))
    faulty.play([])
  }
  await call((callback) => store.set('other', circle as never, callback))
  const errors = output.filter((each) => each instanceof Error)
  expect(errors.length).toBeGreaterThanOrEqual(10)
  const text = output
    .map((each) => `${inspect(each, { depth: 20, showHidden: true })}\n${String(each)}`)
    .join('\n')
  expect(text).not.toContain(canary)
  expect(JSON.stringify(errors)).not.toContain(canary)
})
