/**
 * `@holdfast/core/session`: web sessions over a store that processes share.
 *
 * @packageDocumentation
 */
export {
  type ExpressCallback,
  type ExpressSessionMethods,
  type ExpressSessionModule,
  type ExpressSessionStoreOptions,
  expressSessionStore,
} from './express-session-store.ts'
export type { SessionFailure } from './failures.ts'
export type {
  FastifyLike,
  FastifyPlugin,
  FastifyReplyLike,
  FastifyRequestLike,
} from './fastify-plugin.ts'
export type { FetchHandler } from './fetch-handler.ts'
export type { NodeMiddleware } from './node-middleware.ts'
export type { Session } from './session.ts'
export type { SessionStats } from './session-counters.ts'
export { SessionError } from './session-error.ts'
export type { SessionCookieOptions, SessionOptions } from './session-options.ts'
export {
  createSessions,
  type DestroyAllOptions,
  type SessionSummary,
  type Sessions,
} from './sessions.ts'
