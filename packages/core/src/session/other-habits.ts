import { InvalidOptionError } from '../errors.ts'
import { unmet } from '../options/expectation.ts'

/**
 * What is at the end of a session's prototypes. In express-session and others a session *is* its fields; here an
 * assignment would be lost with the request, without a word. Known members are found before it, so they cost nothing.
 */
export const refusingMembers: object = new Proxy(Object.prototype, {
  set(_, name, value, session) {
    if (typeof name === 'symbol')
      return Reflect.defineProperty(session, name, { value, configurable: true, writable: true })
    throw new InvalidOptionError(
      `a session keeps fields and not members: write session.set('${name.slice(0, 40)}', …), or session.data.${name.slice(0, 40)} = …`,
    )
  },
})

/**
 * A callback would never be called, and its request never answered.
 * @throws InvalidOptionError
 */
export function refuseCallback(method: string, given: readonly unknown[]): void {
  if (typeof given[0] === 'function')
    throw new InvalidOptionError(
      `${method} of a session takes no callback: await session.${method}(), which rejects where it failed`,
    )
}

/**
 * `use(sessions.middleware)` would leave every request without an answer, and `register(sessions.fastify)` the start.
 * @throws InvalidOptionError
 */
export function refuseUncalled(method: 'middleware' | 'fastify', given: readonly unknown[]): void {
  if (given.length === 0) return
  const call =
    method === 'middleware' ? 'use(sessions.middleware())' : 'register(sessions.fastify())'
  throw new InvalidOptionError(
    `sessions.${method} takes nothing and gives what a framework calls: write ${call}, with the parentheses`,
  )
}

/** @throws InvalidOptionError for what no id is, since the session it was to spare would end with the others. */
export function readExcepted(except: unknown): ReadonlySet<string> {
  const ids = [except].flat()
  for (const id of ids)
    if (typeof id !== 'string')
      throw unmet('except', 'the id of a session, such as session.id, or an array of them', id)
  return new Set(ids as string[])
}
