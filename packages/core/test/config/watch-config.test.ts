import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fastify } from 'fastify'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import type { ConfigError, WatchEvents } from '../../src/config/index.ts'
import { type HoldfastConfig, watchConfig } from '../../src/config/index.ts'
import { type Ties, ties } from '../../src/observe/ties.ts'
import type { Session } from '../../src/session/index.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { prometheus } from '../../src/telemetry/prometheus.ts'

/** Configurations that change while they are used. */

const folder = mkdtempSync(join(tmpdir(), 'holdfast-watch-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
async function watched(config: HoldfastConfig, adapters = {}) {
  const file = join(folder, `${++files}.json`)
  const write = (next: object | string) => {
    writeFileSync(`${file}.tmp`, typeof next === 'string' ? next : JSON.stringify(next))
    renameSync(`${file}.tmp`, file)
  }
  write(config)
  // Read again when the test says so, and only then.
  const made = await watchConfig({ file, env: {} }, adapters, { poll: Infinity })
  onTestFinished(() => made.close({ drain: 0 }))
  const events: (WatchEvents['changed'] | WatchEvents['refused'])[] = []
  made.on('changed', (event) => events.push(event))
  made.on('refused', (event) => events.push(event))
  return {
    made,
    events,
    change: (next: object | string) => {
      write(next)
      return made.reload()
    },
  }
}

describe('a configuration that is watched', () => {
  it('hands on what a package on top of a cache has to tell', async () => {
    const { made, change } = await watched({ caches: { a: {} } })
    const cache = made.cache('a')
    const heard: unknown[] = []
    cache.on('refused', ({ reason }) => heard.push(reason))
    const tell = () =>
      (cache as unknown as { [ties]: Ties })[ties].tell({
        event: 'refused',
        key: 'k',
        reason: 'address',
      })
    tell()
    await change({ caches: { a: { defaults: { ttl: '1h' } } } })
    tell()
    expect(heard).toEqual(['address', 'address'])
  })

  it('swaps a change in behind the same cache, and leaves what it does not touch', async () => {
    const { made, change, events } = await watched({ caches: { a: {}, b: {} } })
    const [a, b] = [made.cache('a'), made.cache('b')]
    await a.set('k', 1)
    await b.set('k', 1)
    expect(await change({ caches: { a: { defaults: { ttl: '1h' } }, b: {} } })).toBe(true)
    expect(events).toEqual([{ parts: ['caches.a'] }])
    expect(made.cache('a')).toBe(a)
    expect([await a.get('k'), await b.get('k')]).toEqual([undefined, 1])
    await a.set('k', 2)
    const { staleAt, storedAt } = await a.explain('k')
    expect(staleAt! - storedAt!).toBeGreaterThan(3_000_000)
    expect(await change({ caches: { a: { defaults: { ttl: '1h' } }, b: {} } })).toBe(false)
    expect(events).toHaveLength(1)
  })

  it('lets calls end where they began, and closes what they used only then', async () => {
    let closed = 0
    const store = () => {
      const inner = memoryStore()
      return {
        ...inner,
        close: async () => {
          closed++
          await inner.close()
        },
      }
    }
    const config = (ttl: '1m' | '2m') => ({
      stores: { s: { redis: { connectionName: ttl } } },
      caches: { a: { store: 's', defaults: { ttl } } },
    })
    const { made, change } = await watched(config('1m'), { redis: store })
    const drained = new Promise<WatchEvents['drained']>((resolve) => {
      made.on('drained', resolve)
    })
    const a = made.cache('a')
    let open: (value: string) => void = () => undefined
    const gate = new Promise<string>((resolve) => {
      open = resolve
    })
    const under = a.wrap('slow', () => gate)
    await a.get('until the store has been opened')
    await change(config('2m'))
    expect(await a.wrap('other', () => 'new')).toBe('new')
    expect(closed).toBe(0)
    open('old')
    expect(await under).toBe('old')
    expect((await drained).parts).toEqual(['stores.s', 'caches.a'])
    expect(closed).toBe(1)
  })

  it.each<[object | string, string, RegExp]>([
    ['{"caches": {', '', /\.json:1:13: expected a name/],
    [{ caches: { a: { memroy: 1 } } }, 'caches.a.memroy', /did you mean 'memory'/],
    [{ caches: { a: { store: 's' } } }, 'caches.a.store', /of which there are none/],
    [{ stores: { s: { redis: {} } } }, 'stores.s.redis', /needs redisStore of @holdfast\/redis/],
    [
      { caches: { a: {} }, images: { i: { cache: 'a', origins: [] } } },
      'images.i',
      /needs createImageCache/,
    ],
  ])('refuses %j, says where, once, and goes on as before', async (wrong, path, message) => {
    const { made, change, events } = await watched({ caches: { a: {} } })
    const a = made.cache('a')
    await a.set('k', 1)
    const error = await change(wrong).catch((reason: unknown) => reason as ConfigError)
    expect(error).toMatchObject({ path, message: expect.stringMatching(message) })
    await made.reload().catch(() => undefined)
    expect(events).toEqual([{ path, error: expect.anything() }])
    expect(await a.get('k')).toBe(1)
    await change({ caches: { a: { defaults: { ttl: 5 } } } })
    expect(events).toHaveLength(2)
  })

  it('takes namespaces, definitions, listeners and telemetry along', async () => {
    const { made, change } = await watched({ caches: { a: {} } })
    const a = made.cache('a')
    const inner = a.namespace('inner')
    const square = a.define('square', { load: (n: number) => n * n })
    const quick = square.with({ ttl: '1s' })
    const heard: string[] = []
    const unhear = a.on('load', ({ reason }) => heard.push(reason))
    for (const ttl of ['1m', '2m', '3m']) {
      expect(await inner.wrap('k', () => ttl)).toBe(ttl)
      expect([await square(3), await quick(4), square.peek(3)]).toEqual([9, 16, 9])
      expect(await square.many([1, 2])).toEqual([1, 4])
      await square.set([5], 26)
      expect(await square(5)).toBe(26)
      await square.delete(5)
      expect(await square(5)).toBe(25)
      expect(square.key(5)).toContain('square')
      await change({ caches: { a: { defaults: { ttl } } } })
    }
    const before = heard.length
    expect(before).toBeGreaterThan(9)
    unhear()
    await square(9)
    expect(heard).toHaveLength(before)
    expect(prometheus(a)).toContain('cache="a"')
    expect(() => a.define('x', {} as never)).toThrow(/load/)
    expect(() => a.namespace('')).toThrow(/namespace/)
  })

  it('keeps a kill switch thrown by hand, until the file says something else of it', async () => {
    const { made, change } = await watched({ caches: { a: {} } })
    const a = made.cache('a')
    a.enabled = false
    await change({ caches: { a: { defaults: { ttl: '1m' } } } })
    expect(a.enabled).toBe(false)
    await change({ caches: { a: { enabled: false } } })
    await change({ caches: { a: { enabled: true } } })
    expect(a.enabled).toBe(true)
  })

  it('adds and takes away by name', async () => {
    const { made, change } = await watched({ caches: { a: {} } })
    const a = made.cache('a')
    await change({
      stores: { m: { memory: {} } },
      caches: { b: {} },
      sessions: { web: { store: 'm', secrets: [canarySecret('x')] } },
    })
    expect(Object.keys(made.caches)).toEqual(['b'])
    expect(made.session('web').stats()).toBeDefined()
    expect(() => made.cache('a')).toThrow(/is no 'a'/)
    await expect
      .poll(() => a.get('k').then(String, (error: Error) => error.name))
      .toBe('ClosedError')
  })

  it('takes the middleware and the plugin of sessions along, and their errors', async () => {
    const config = (secret: string) => ({
      stores: { m: { memory: {} } },
      sessions: {
        web: { store: 'm', secrets: [secret, canarySecret('b')], cookie: { secure: false } },
      },
    })
    const { made, change } = await watched(config(canarySecret('a')))
    const web = made.session('web')
    const middleware = web.middleware()
    const express = createServer((request, response) =>
      middleware(request, response, () => count(request as never, response)),
    )
    const app = fastify()
    await app.register(web.fastify() as never)
    app.get('/', async (request) => String(counted(request as never)))
    const middlewareAt = await listening(express)
    const pluginAt = await app.listen({ port: 0, host: '127.0.0.1' })
    onTestFinished(async () => {
      express.close()
      await app.close()
    })
    for (const address of [middlewareAt, pluginAt]) {
      let cookie = ''
      for (const [turn, secret] of ['b', 'c', 'd'].entries()) {
        const response = await fetch(address, { headers: { cookie, connection: 'close' } })
        expect(await response.text()).toBe(String(turn + 1))
        cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
        await change(config(canarySecret(secret)))
        // The secret that signed stays among those that verify.
        expect(made.session('web')).toBe(web)
        await change(config(canarySecret('a')))
      }
    }
    expect(await web.list('nobody')).toEqual([])
    expect(web.stats()).toBeDefined()
    web.on('error', () => undefined)()
  })

  it('does not wait in close for calls that were late when it changed', async () => {
    const { made, change } = await watched({ caches: { a: {} } })
    const under = made
      .cache('a')
      .wrap('k', () => new Promise(() => undefined), { loadTimeout: '5m' })
    under.catch(() => undefined)
    await change({ caches: { a: { defaults: { ttl: '1m' } } } })
    await made.close({ drain: 0 })
    await expect(under).rejects.toThrow(/closed/)
  })

  it('stays closed once it is', async () => {
    const { made, change } = await watched({ caches: { a: {} } })
    const a = made.cache('a')
    await made.close()
    await made.close()
    expect(await change({ caches: { a: { enabled: false } } })).toBe(false)
    await expect(a.get('k')).rejects.toThrow(/closed/)
  })
})

function counted({ session }: { session: Session }): number {
  const visits = Number(session.get('visits') ?? 0) + 1
  session.set('visits', visits)
  return visits
}

function count(request: { session: Session }, response: ServerResponse): void {
  response.end(String(counted(request)))
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

it('watchConfig says that it was given no sources', async () => {
  await expect(watchConfig(undefined as never)).rejects.toThrow(
    'the sources of watchConfig must be an object',
  )
})
