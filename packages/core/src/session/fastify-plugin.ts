import type { IncomingMessage, ServerResponse } from 'node:http'
import { attach } from './node-middleware.ts'
import type { SessionDesk } from './session-desk.ts'

/** The few members of a Fastify instance that the plugin calls. */
export interface FastifyLike {
  decorateRequest(name: string, value: null): unknown
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown
}
export interface FastifyRequestLike {
  readonly raw: IncomingMessage
}
export interface FastifyReplyLike {
  readonly raw: ServerResponse
}

/** A plugin for `fastify.register`. It decorates requests with `session`, for all of the instance it is registered in. */
export type FastifyPlugin = (
  fastify: FastifyLike,
  options: unknown,
  done: (error?: Error) => void,
) => void

export function fastifyPlugin(desk: SessionDesk): FastifyPlugin {
  const plugin: FastifyPlugin = (fastify, _options, done) => {
    fastify.decorateRequest('session', null)
    // The raw response is held, as for every other framework: so a reply that was hijacked is held, too.
    fastify.addHook('onRequest', (request, reply, ready) => {
      attach(desk, request.raw, reply.raw, request, ready)
    })
    done()
  }
  // What fastify-plugin does: without its own scope, so that routes beside it have sessions, too.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@holdfast/core/session',
  })
}
