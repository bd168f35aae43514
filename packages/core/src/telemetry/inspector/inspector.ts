import type { IncomingMessage, ServerResponse } from 'node:http'
import { isCacheError } from '../../errors.ts'
import { type Answer, json } from './answers.ts'
import { type Asked, askedByFetch, askedByNode } from './asked.ts'
import { InspectedCache } from './inspected-cache.ts'
import {
  type InspectorOptions,
  type InspectorRight,
  readInspectorOptions,
} from './inspector-options.ts'
import { type InspectedCaches, nameCaches } from './named-caches.ts'
import { isOwnPage } from './own-page.ts'
import { page } from './page/page.ts'
import { readWish, type Wish } from './wish.ts'

/** A page to look at caches with, and to take something out of them; a handler for one path, whichever that is. */
export interface Inspector {
  /** For frameworks in the style of fetch: Hono, Next, Bun, Deno. */
  (request: Request): Promise<Response>
  /** The same for node:http, Express and Connect. Failures, which are those of `authorize`, go to `next`. */
  node(request: IncomingMessage, response: ServerResponse, next?: (error: unknown) => void): void
}

/** After so many refreshes that did not come nobody looks any more. */
const missedRefreshes = 3

/**
 * Shows what caches do, live: hit rate, latency, loads, tiers, the ring, health, and why a key is or is not there; and
 * expires or deletes a key, or deletes what is under a tag. Nothing happens while nobody looks. `authorize` is asked for
 * every request and has no default.
 * @throws InvalidOptionError
 */
export function inspector(caches: InspectedCaches, options: InspectorOptions): Inspector {
  const { authorize, refreshMs, clock } = readInspectorOptions(options)
  const inspected = new Map(
    [...nameCaches(caches)].map(([name, cache]) => [
      name,
      new InspectedCache(name, cache, clock, missedRefreshes * refreshMs),
    ]),
  )
  const names = [...inspected.keys()]

  async function answer(asked: Asked): Promise<Answer> {
    const isPost = asked.method === 'POST'
    const verb = isPost ? asked.query.get('do') : (asked.query.get('view') ?? 'page')
    const right: InspectorRight = verb === 'explain' || !isPost ? 'read' : 'purge'
    if ((await authorize(asked.request, right, asked.incoming)) !== true)
      return json(403, { error: 'forbidden' })
    if (isPost) return answerPost(asked, verb)
    if (asked.method !== 'GET' && asked.method !== 'HEAD')
      return json(405, { error: 'method' }, { allow: 'GET, HEAD, POST' })
    if (verb === 'page') return page()
    if (verb === 'state') return answerState(asked.query.get('cache') ?? names[0])
    return json(404, { error: 'view' })
  }

  async function answerState(name: string | undefined): Promise<Answer> {
    const cache = inspected.get(name ?? '')
    if (cache === undefined) return json(404, { error: 'cache', names })
    return json(200, { refreshMs, names, cache: await cache.look() })
  }

  async function answerPost(asked: Asked, verb: string | null): Promise<Answer> {
    if (verb !== 'explain' && verb !== 'purge') return json(404, { error: 'verb' })
    if (!isOwnPage(asked)) return json(403, { error: 'origin' })
    const wish = readWish(await asked.json(), verb)
    if (wish === undefined) return json(400, { error: 'body' })
    const found = inspected.get(wish.cache)
    if (found === undefined) return json(404, { error: 'cache', names })
    try {
      return json(200, await grant(found, wish))
    } catch (error) {
      if (!isCacheError(error)) throw error
      // Its message tells of keys by their kind alone.
      return json(statusOf(error.code), { error: error.code, message: error.message })
    }
  }

  const handler = async (request: Request): Promise<Response> => {
    const { status, headers, body } = await answer(askedByFetch(request))
    return new Response(request.method === 'HEAD' ? null : body, { status, headers })
  }
  return Object.assign(handler, {
    node(
      incoming: IncomingMessage,
      response: ServerResponse,
      next?: (error: unknown) => void,
    ): void {
      const run = async () => {
        const { status, headers, body } = await answer(askedByNode(incoming))
        // The client may have left.
        if (response.destroyed) return
        response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
        response.end(incoming.method === 'HEAD' ? undefined : body)
      }
      run().catch((error: unknown) => {
        if (next !== undefined && !response.headersSent) next(error)
        else if (response.headersSent) response.destroy()
        else response.writeHead(500, { 'cache-control': 'no-store' }).end()
      })
    },
  })
}

async function grant({ cache }: InspectedCache, wish: Wish): Promise<object> {
  if ('tag' in wish)
    await (wish.do === 'expire' ? cache.expireTags([wish.tag]) : cache.invalidateTags([wish.tag]))
  else if (wish.do === 'explain') return { explanation: await cache.explain(wish.key) }
  else if (wish.do === 'expire') await cache.expire(wish.key)
  else await cache.delete(wish.key)
  return { done: true }
}

function statusOf(code: string): number {
  if (code === 'ERR_HOLDFAST_KEY' || code === 'ERR_HOLDFAST_INVALID_OPTION') return 400
  if (code === 'ERR_HOLDFAST_CLOSED') return 410
  // Journalled and made up for, but not everywhere yet: whoever asked should know.
  return 503
}
