import { unmet } from '../options/expectation.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import { type ClientDetails, clientDetails, unknownClient } from './client-details.ts'
import { Failures, type SessionFailure } from './failures.ts'
import { type FastifyPlugin, fastifyPlugin } from './fastify-plugin.ts'
import { type FetchHandler, handleFetch } from './fetch-handler.ts'
import { LiveSession } from './live-session.ts'
import { type NodeMiddleware, nodeMiddleware } from './node-middleware.ts'
import { readExcepted, refuseUncalled } from './other-habits.ts'
import { Waited } from './patient-store.ts'
import type { SessionStats } from './session-counters.ts'
import type { SessionDesk } from './session-desk.ts'
import { SessionKeeper } from './session-keeper.ts'
import { resolveSessionOptions, type SessionOptions } from './session-options.ts'
import type { FoundSession } from './session-records.ts'
import { hasCookie, verifiedCookie } from './signed-cookie.ts'

/** One of a user's sessions, as a page of "your devices" shows it. */
export interface SessionSummary {
  readonly id: string
  /** Unix milliseconds. */
  readonly createdAt: number
  /** Of the last write: a touch writes nothing. */
  readonly lastActivityAt: number
  /** Recorded with `record`. */
  readonly ip: string | undefined
  readonly userAgent: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

export interface DestroyAllOptions {
  /** The id that stays, or several: most often that of the session which asks. */
  readonly except?: string | readonly string[] | undefined
}

export interface Sessions {
  /** For Express, Connect and node:http: puts `session` on the request, and holds the response until it is stored. */
  middleware(): NodeMiddleware
  /** For frameworks in the style of fetch: Hono, Next, Bun, Deno. */
  handle(request: Request, handler: FetchHandler): Promise<Response>
  /** A plugin of Fastify: `request.session`. */
  fastify(): FastifyPlugin
  /**
   * The sessions of a user, the last used first.
   * @throws SessionError
   */
  list(userId: string | number): Promise<SessionSummary[]>
  /**
   * Ends the sessions of a user, in every process at once, and says how many there were.
   * @throws SessionError, and then some may not have ended: ask again.
   */
  destroyAll(userId: string | number, options?: DestroyAllOptions): Promise<number>
  stats(): SessionStats
  /** Failures that became somebody's 503; the answer ends it. Without a listener one a minute is a process warning. */
  on(event: 'error', listener: (failure: SessionFailure) => void): () => void
}

/**
 * Web sessions over a store that processes share. They fail closed: what cannot be read or kept is a 503, never a new
 * session and never a response that lies.
 * @throws InvalidOptionError, UnsupportedError for a store without `add` and `replace`.
 */
export function createSessions(options: SessionOptions): Sessions {
  const settings = resolveSessionOptions(options)
  const failures = new Failures(settings.clock)
  const keeper = new SessionKeeper(settings, (error) => failures.tell(error))
  let hasWarned = false

  const desk: SessionDesk = {
    open(request) {
      const client: ClientDetails = settings.record
        ? clientDetails(settings.trustProxy, request.address, (name) => request.header(name))
        : unknownClient
      const waited = new Waited()
      const { cookie, secrets } = settings
      const verified = verifiedCookie(request.cookie, cookie.name, secrets)
      if (verified === undefined) {
        if (hasCookie(request.cookie, cookie.name)) keeper.counters.rejected++
        const hadCookie = false
        return new LiveSession({
          keeper,
          kept: undefined,
          client,
          waited,
          hadCookie,
          renewCookie: false,
        })
      }
      return keeper.records.load(verified.id, waited).then((kept) => {
        if (kept === undefined) keeper.counters.unknown++
        return new LiveSession({
          keeper,
          kept,
          client,
          waited,
          hadCookie: true,
          renewCookie: verified.isOld,
        })
      })
    },
    failed(error) {
      failures.tell(error instanceof Error ? error : new Error('a session failed'))
    },
    warnOfUnsentCookie() {
      if (hasWarned) return
      hasWarned = true
      process.emitWarning(
        'a session began after the headers of its response were sent, so that its cookie could not be; set its fields before the first write',
        { type: 'HoldfastWarning', code: 'HOLDFAST_SESSION_COOKIE' },
      )
    },
  }

  return {
    middleware(...given: readonly never[]) {
      refuseUncalled('middleware', given)
      return nodeMiddleware(desk)
    },
    handle: (request, handler) => handleFetch(desk, request, handler),
    fastify(...given: readonly never[]) {
      refuseUncalled('fastify', given)
      return fastifyPlugin(desk)
    },
    async list(userId) {
      const user = readUser(userId)
      const waited = new Waited()
      const found = await readAll(keeper, user, waited)
      await keeper.index.leave(user, [], found.absent, waited)
      return found.sessions
        .filter(({ owner }) => owner === user)
        .map(({ owner: _, ...summary }) => summary)
        .sort((a, b) => b.lastActivityAt - a.lastActivityAt)
    },
    async destroyAll(userId, options = {}) {
      const user = readUser(userId)
      const given = readObject(options, 'the options of destroyAll') as DestroyAllOptions
      refuseUnknownNames(given, ['except'], 'destroyAll')
      const stays = readExcepted(given.except ?? [])
      const waited = new Waited()
      const found = await readAll(keeper, user, waited)
      // One without a user may be about to become this user's: its login began before this call.
      const isTheirs = (owner: string | undefined) => owner === user || owner === undefined
      const doomed = found.sessions
        .filter(({ id, owner }) => !stays.has(id) && isTheirs(owner))
        .map(({ id }) => id)
      // One that is not stored yet is not to be: its login has come as far as the index.
      const young = found.young.filter((id) => !stays.has(id))
      const late = await Promise.all(young.map((id) => keeper.records.bar(id, waited)))
      for (const kept of late)
        if (kept !== undefined && isTheirs(ownerOf(keeper, kept))) doomed.push(kept.id)
      await Promise.all(doomed.map((id) => keeper.destroy(id, waited)))
      await keeper.index.leave(user, [...doomed, ...young], found.absent, waited)
      if (stays.size === 0) keeper.counters.erased++
      return doomed.length
    },
    stats: () => keeper.stats(),
    on: (event, listener) => failures.on(event, listener),
  }
}

async function readAll(keeper: SessionKeeper, user: string, waited: Waited) {
  const entered = await keeper.index.idsOf(user, waited)
  const ids = [...entered.keys()]
  const stored = await keeper.index.read(ids, waited)
  const sessions: (SessionSummary & { readonly owner: string | undefined })[] = []
  const absent: string[] = []
  const young: string[] = []
  for (const [index, id] of ids.entries()) {
    const bytes = stored[index]
    const kept = bytes && keeper.records.read(id, bytes)
    if (kept === undefined) {
      absent.push(id)
      if (entered.get(id)) young.push(id)
      continue
    }
    const { createdAt, lastActivityAt, client, values } = kept
    const owner = ownerOf(keeper, kept)
    sessions.push({ id, createdAt, lastActivityAt, ...client, data: values, owner })
  }
  return { sessions, absent, young }
}

function ownerOf(keeper: SessionKeeper, { values }: FoundSession): string | undefined {
  const owner = values[keeper.settings.userField]
  return owner === undefined || owner === null ? undefined : String(owner)
}

function readUser(userId: unknown): string {
  if ((typeof userId === 'string' && userId !== '') || typeof userId === 'number')
    return String(userId)
  throw unmet('userId', 'a non-empty string or a number', userId)
}
