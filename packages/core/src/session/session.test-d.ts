import type { IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import expressSession from 'express-session'
import fastify from 'fastify'
import { expectTypeOf, test } from 'vitest'
import { memoryStore } from '../store/memory-store.ts'
import { expressSessionStore } from './express-session-store.ts'
import type { Session } from './session.ts'
import { createSessions } from './sessions.ts'

const store = memoryStore()
const sessions = createSessions({ store, secrets: ['x'.repeat(32)] })

test('the middleware fits Express and node:http', () => {
  express().use(sessions.middleware())
  expectTypeOf(sessions.middleware()).toBeCallableWith(
    {} as IncomingMessage,
    {} as ServerResponse,
    () => undefined,
  )
})

test('the plugin fits Fastify', () => {
  fastify().register(sessions.fastify())
})

test('the store fits express-session', () => {
  expressSession({ secret: 's', store: expressSessionStore(expressSession, store) })
})

test('a field is what its reader says, or undefined', () => {
  const session = {} as Session
  expectTypeOf(session.get<number>('views')).toEqualTypeOf<number | undefined>()
  expectTypeOf(session.get('views')).toEqualTypeOf<unknown>()
  expectTypeOf(session.data).toEqualTypeOf<Record<string, unknown>>()
})

test('a misspelt option is none', () => {
  // @ts-expect-error it is called ttl
  createSessions({ store, secrets: [], tll: '7d' })
  // @ts-expect-error seven days are written '7d'
  createSessions({ store, secrets: [], ttl: '7 days' })
})
