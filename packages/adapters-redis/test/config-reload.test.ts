import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { WatchEvents } from '@holdfast/core/config'
import { createFromConfig, readConfig, watchConfig } from '@holdfast/core/config'
import { canaryKey, canarySecret } from '@holdfast/lab/canary'
import { leaksIn } from '@holdfast/lab/leak-scan'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { startRedis } from '@holdfast/lab/redis-server'
import { expect, onTestFinished, test } from 'vitest'
import * as memcached from '../../adapters-memcached/src/index.ts'
import * as image from '../../image/src/index.ts'
import * as redis from '../src/index.ts'

/** A configuration over real servers, and its changes under load. */

const password = canarySecret('reload')

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

async function redisServer() {
  const server = await startRedis({ config: { requirepass: password } })
  onTestFinished(() => server.stop())
  return server
}

test('caches, sessions and images of one file work over Redis and Memcached', async () => {
  const [server, cached] = [await redisServer(), await startMemcached()]
  onTestFinished(() => cached.stop())
  const directory = folder()
  const file = join(directory, 'holdfast.yaml')
  writeFileSync(join(directory, 'password'), `${password}\n`)
  writeFileSync(
    file,
    `
stores:
  main: { redis: { host: 127.0.0.1, port: ${server.port}, password: file:./password } }
  sealed: { encrypted: { store: main, keys: [{ id: '1', secret: env:KEY }] } }
  api: { memcached: { servers: ['${cached.address}'], protocol: meta } }
  many: { shardedRedis: { servers: ['127.0.0.1:${server.port}'], connection: { password: env:PASSWORD } } }
  folder: { disk: { directory: ${join(directory, 'disk')}, maxBytes: 1000000 } }
buses:
  main: { redis: { host: 127.0.0.1, port: ${server.port}, password: env:PASSWORD }, channel: mine }
caches:
  users: { store: sealed, sensitive: true }
  api: { store: api, bus: main, policies: { 'api:products:*': { ttl: 60s }, 'api:users:*': { ttl: 1h } } }
  many: { store: many }
  pictures: { store: folder }
sessions:
  web: { store: main, secrets: [env:PASSWORD], cookie: { secure: false } }
images:
  shop:
    cache: pictures
    origins: ['https://img.example.com']
    handler: { base: /images, signing: { pairs: [{ key: '${canaryKey('signing').toString('hex')}', salt: env:KEY }] } }
`,
  )
  const env = { PASSWORD: password, KEY: canaryKey('sealed').toString('hex') }
  const config = await readConfig({ file, env })
  const made = await createFromConfig(config, { redis, memcached, image })
  for (const name of ['users', 'api', 'many', 'pictures']) {
    const cache = made.cache(name)
    expect(await cache.wrap(`api:products:${name}`, () => ({ name }))).toEqual({ name })
  }
  const { staleAt, storedAt } = await made.cache('api').explain('api:products:api')
  expect(staleAt! - storedAt!).toBeLessThanOrEqual(60_000)
  const response = await made
    .session('web')
    .handle(new Request('http://x/'), async (_, session) => {
      session.set('user_id', 1)
      return new Response('yes')
    })
  expect(response.headers.get('set-cookie')).toMatch(/^session=/)
  expect((await made.imageHandler('shop')(new Request('http://x/images/no'))).status).toBe(403)
  expect(leaksIn('config', inspect([config, made.caches], { depth: 6 }))).toEqual([])
  await made.close()
  // The administrator who asks is the only one left.
  await expect.poll(() => clients(server)).toBe(1)
})

async function clients(server: { command(...args: string[]): Promise<unknown> }): Promise<number> {
  return String(await server.command('CLIENT', 'LIST'))
    .trim()
    .split('\n').length
}

test('a configuration that is changed 100 times under load, every tenth time to an invalid one, fails no request', {
  timeout: 120_000,
}, async () => {
  const server = await redisServer()
  const directory = folder()
  const file = join(directory, 'holdfast.json')
  const write = (turn: number, extra: object = {}) => {
    // How late a busy machine lets a server answer is no matter of configurations.
    const resilience = { storeTimeout: '10s' }
    const connection = {
      commandTimeout: 10_000,
      host: '127.0.0.1',
      port: server.port,
      password: 'env:PASSWORD',
      connectionName: `turn-${turn}`,
    }
    const config = {
      stores: { main: { redis: connection } },
      caches: {
        far: { store: 'main', memory: false, defaults: { ttl: '1m', jitter: 0 }, resilience },
        near: {
          store: 'main',
          memory: { maxEntries: 100 + turn },
          defaults: { ttl: '1m' },
          resilience,
        },
        local: { defaults: { ttl: 60_000 + turn } },
      },
      sessions: { web: { store: 'main', secrets: ['env:PASSWORD'], cookie: { secure: false } } },
      ...extra,
    }
    writeFileSync(`${file}.new`, JSON.stringify(config))
    renameSync(`${file}.new`, file)
  }
  write(0)
  const warnings: string[] = []
  const warn = (warning: Error) => warnings.push(warning.message)
  process.on('warning', warn)
  onTestFinished(() => void process.off('warning', warn))
  const made = await watchConfig(
    { file, env: { PASSWORD: password } },
    { redis, memcached, image },
    { poll: '10m' },
  )
  onTestFinished(() => made.close())
  const changed: WatchEvents['changed'][] = []
  const refused: WatchEvents['refused'][] = []
  let drained = 0
  made.on('changed', (event) => changed.push(event))
  made.on('refused', (event) => refused.push(event))
  made.on('drained', () => drained++)

  const [far, near, local] = [made.cache('far'), made.cache('near'), made.cache('local')]
  const product = far.define('product', { load: async (id: number) => `product ${id}` })
  const failures: unknown[] = []
  let wrong = 0
  let requests = 0
  let isOver = false
  const errors: string[] = []
  for (const cache of [far, near]) cache.on('error', ({ error }) => errors.push(String(error)))
  const worker = async (id: number) => {
    let cookie = ''
    let visits = 0
    for (let turn = 0; !isOver; turn++) {
      const key = `${id}:${turn % 20}`
      try {
        const slow = async () => {
          // Loads outlast the turn in which they begin.
          if (turn % 5 === 0) await sleep(30)
          return key
        }
        for (const cache of [far, near, local]) if ((await cache.wrap(key, slow)) !== key) wrong++
        if ((await product(turn % 7)) !== `product ${turn % 7}`) wrong++
        const version = `${id}-${turn}`
        await near.set(`own:${id}`, version)
        if ((await far.wrap(`own:${id}`, () => version)) === undefined) wrong++
        if ((await near.wrap(`own:${id}`, () => 'lost')) !== version) wrong++
        await far.delete(key)
        const response = await made
          .session('web')
          .handle(new Request('http://x/', { headers: { cookie } }), async (_, session) => {
            if ((session.get('visits') ?? 0) !== visits) wrong++
            session.set('visits', ++visits)
            return new Response('ok')
          })
        if (response.status !== 200) failures.push(response.status)
        cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
        requests += 9
      } catch (error) {
        failures.push(error)
      }
    }
  }
  const workers = Array.from({ length: 8 }, (_, id) => worker(id))
  for (let turn = 1; turn <= 100; turn++) {
    if (turn % 10 === 0) write(turn, { cachse: {} })
    else write(turn)
    await made.reload().catch(() => undefined)
    await sleep(20)
  }
  await sleep(100)
  isOver = true
  await Promise.all(workers)

  expect(failures).toEqual([])
  expect(wrong).toBe(0)
  expect(requests).toBeGreaterThan(1_000)
  expect(changed).toHaveLength(90)
  expect(refused.map(({ path }) => path)).toEqual(Array(10).fill('cachse'))
  expect(refused[0]!.error.message).toMatch(/did you mean 'caches'/)
  // What is left on the server is what the last turn has opened.
  await expect.poll(() => drained, { timeout: 10_000 }).toBe(90)
  await expect
    .poll(
      async () => {
        const list = String(await server.command('CLIENT', 'LIST'))
        return [...new Set([...list.matchAll(/ name=(turn-\d+)/g)].map(([, name]) => name))]
      },
      { timeout: 10_000 },
    )
    .toEqual(['turn-99'])
  expect(leaksIn('events', inspect([refused, changed, errors, warnings], { depth: 6 }))).toEqual([])
  await made.close()
  await expect.poll(() => clients(server)).toBe(1)
})

test('a file that is replaced is noticed without being told', async () => {
  const file = join(folder(), 'holdfast.json')
  writeFileSync(file, '{"caches":{"a":{}}}')
  const made = await watchConfig({ file, env: {} }, {}, { poll: '10m' })
  onTestFinished(() => made.close())
  const changed: string[] = []
  const refused: string[] = []
  made.on('changed', ({ parts }) => changed.push(...parts))
  made.on('refused', ({ path }) => refused.push(path))
  writeFileSync(`${file}.new`, '{"caches":{"a":{"enabled":false}}}')
  renameSync(`${file}.new`, file)
  await expect.poll(() => changed, { timeout: 5_000 }).toEqual(['caches.a'])
  expect(made.cache('a').enabled).toBe(false)
  writeFileSync(file, '{"caches":{"a":{"enabld":false}}}')
  await expect.poll(() => refused, { timeout: 5_000 }).toEqual(['caches.a.enabld'])
  expect(made.cache('a').enabled).toBe(false)
})

test('a secret in a file that is rotated is noticed by polling', async () => {
  const directory = folder()
  const file = join(directory, 'holdfast.json')
  writeFileSync(join(directory, 'secret'), canarySecret('first'))
  writeFileSync(
    file,
    JSON.stringify({
      stores: { m: { memory: {} } },
      sessions: { web: { store: 'm', secrets: ['file:secret'] } },
    }),
  )
  const made = await watchConfig({ file, env: {} }, {}, { poll: '50ms' })
  onTestFinished(() => made.close())
  const changed: string[] = []
  made.on('changed', ({ parts }) => changed.push(...parts))
  writeFileSync(join(directory, 'secret'), canarySecret('second'))
  await expect.poll(() => changed, { timeout: 5_000 }).toEqual(['sessions.web'])
})

test('image caches take changes while they stay the same', async () => {
  const file = join(folder(), 'holdfast.json')
  const write = (shop: object) =>
    writeFileSync(
      file,
      JSON.stringify({
        caches: { pictures: {}, others: {} },
        images: { shop: { cache: 'pictures', origins: ['https://a.example.com'], ...shop } },
      }),
    )
  write({ key: { sortQuery: true }, limits: { bytes: '1mb' }, handler: { base: '/a' } })
  const made = await watchConfig({ file, env: {} }, { image }, { poll: '10m' })
  onTestFinished(() => made.close())
  const images = made.image('shop')
  const handler = made.imageHandler('shop')
  const keys = () =>
    images.key('https://a.example.com/x?a=1&b=2') === images.key('https://a.example.com/x?b=2&a=1')
  const refusal = (host: string) =>
    images.get(`https://${host}/x`).catch(({ code }: image.ImageError) => code)
  expect(keys()).toBe(true)
  expect(await refusal('b.example.com')).toBe('origin')
  // What is left out is what it is by default again.
  write({ origins: ['https://c.example.com'] })
  expect(await made.reload()).toBe(true)
  expect(made.image('shop')).toBe(images)
  expect(keys()).toBe(false)
  expect(await refusal('a.example.com')).toBe('origin')
  expect((await handler(new Request('http://x/a/y'))).status).toBe(404)
  write({ cache: 'others' })
  await expect(made.reload()).rejects.toMatchObject({ path: 'images.shop.cache' })
  write({ freshness: { min: '2d', max: '1d' } })
  await expect(made.reload()).rejects.toMatchObject({
    path: 'images.shop',
    message: expect.stringMatching(/^images\.shop: freshness\.min/),
  })
  expect(await refusal('a.example.com')).toBe('origin')
})
