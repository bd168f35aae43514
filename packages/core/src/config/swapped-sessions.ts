import type { ServerResponse } from 'node:http'
import type { FastifyLike, FastifyPlugin } from '../session/fastify-plugin.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Turns } from './turn.ts'

type OnRequest = Parameters<FastifyLike['addHook']>[1]

/** Sessions that stay the same for their users while what is behind them is swapped: a request ends where it began. */
export function swappedSessions(turns: Turns<Sessions>): Sessions {
  /** The sessions for a request, until its response is over. */
  const holdFor = (response: ServerResponse): Sessions => {
    const { value, end } = turns.hold()
    response.once('close', end)
    return value
  }
  const middlewareOf = memo((sessions) => sessions.middleware())
  const hookOf = memo((sessions) => hookFrom(sessions.fastify()))
  return {
    middleware: () => (request, response, next) =>
      middlewareOf(holdFor(response))(request, response, next),
    handle: (request, handler) => turns.run((sessions) => sessions.handle(request, handler)),
    fastify() {
      const plugin: FastifyPlugin = (fastify, _options, done) => {
        fastify.decorateRequest('session', null)
        fastify.addHook('onRequest', (request, reply, ready) =>
          hookOf(holdFor(reply.raw))(request, reply, ready),
        )
        done()
      }
      // Its marks for Fastify are those of the plugin that it stands for.
      const own = turns.value.fastify()
      for (const mark of Object.getOwnPropertySymbols(own))
        Object.defineProperty(plugin, mark, Object.getOwnPropertyDescriptor(own, mark)!)
      return plugin
    },
    list: (userId) => turns.run((sessions) => sessions.list(userId)),
    destroyAll: (userId, options) => turns.run((sessions) => sessions.destroyAll(userId, options)),
    stats: () => turns.value.stats(),
    on: (event, listener) => turns.subscribe((sessions) => sessions.on(event, listener)),
  }
}

function memo<T>(make: (sessions: Sessions) => T): (sessions: Sessions) => T {
  const made = new WeakMap<Sessions, { readonly value: T }>()
  return (sessions) => {
    let own = made.get(sessions)
    if (own === undefined) {
      own = { value: make(sessions) }
      made.set(sessions, own)
    }
    return own.value
  }
}

/** The hook that a plugin would add. */
function hookFrom(plugin: FastifyPlugin): OnRequest {
  let found: OnRequest | undefined
  plugin(
    {
      decorateRequest: () => undefined,
      addHook: (_name, hook) => {
        found = hook
      },
    },
    {},
    () => undefined,
  )
  return found!
}
