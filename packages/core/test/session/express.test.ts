import { memoryStore, StoreError } from '@holdfast/core'
import { expressSessionStore } from '@holdfast/core/session'
import { fakeClock, faultyStore } from '@holdfast/core/testing'
import express from 'express'
import expressSession from 'express-session'
import { describe, expect, test } from 'vitest'
import { encryptedStore } from '../../src/store/encrypted-store.ts'
import { expressBehaviour } from './express-behaviour.ts'
import { listen } from './visitor.ts'

describe.each([
  ['the memory store', () => memoryStore()],
  [
    'an encrypted one',
    () =>
      encryptedStore(memoryStore(), { keys: [{ id: 'a', secret: new Uint8Array(32).fill(1) }] }),
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
        secret: 's',
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
