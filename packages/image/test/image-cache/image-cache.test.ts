import { createHash } from 'node:crypto'
import { createCache, memoryStore } from '@holdfast/core'
import { afterEach, describe, expect, it } from 'vitest'
import { createImageCache } from '../../src/image-cache/image-cache.ts'
import type { ImageCacheOptions } from '../../src/image-cache/image-options.ts'
import { withNetwork } from '../../src/testing/index.ts'
import { type Origin, setup as setUp, url } from './origin.ts'
import { png } from './pictures.ts'

type Setup = Awaited<ReturnType<typeof setUp>>
const opened: Setup[] = []

async function setup(...args: Parameters<typeof setUp>): Promise<Setup> {
  const made = await setUp(...args)
  opened.push(made)
  return made
}

afterEach(async () => {
  for (const made of opened.splice(0)) await made.close()
})

/** Answers with a picture and an entity tag, and with 304 to whoever has it. */
function tagged(origin: Origin, headers: Record<string, string> = {}, body = png(2, 3)): void {
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 8)}"`
  origin.answer = (request) =>
    request.headers['if-none-match'] === etag
      ? { status: 304, headers: { etag, ...headers } }
      : { body, headers: { etag, ...headers } }
}

describe('an image', () => {
  it('is downloaded once, described, and then served from the cache until its lifetime is over', async () => {
    const { origin, images, clock } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60', 'content-type': 'application/octet-stream' })
    const first = await images.get(url)
    expect(first).toMatchObject({ status: 'miss', type: 'image/png', width: 2, height: 3, age: 0 })
    expect(Buffer.from(first.body).equals(png(2, 3))).toBe(true)
    await clock.advance('59s')
    expect(await images.get(url)).toMatchObject({ status: 'hit', age: 59, etag: first.etag })
    expect(origin.hits).toBe(1)
    await clock.advance('1s')
    expect(await images.get(url)).toMatchObject({ status: 'revalidated', age: 0, etag: first.etag })
    expect(origin.hits).toBe(2)
    expect(origin.requests[1]?.headers['if-none-match']).toMatch(/^"/)
    expect(await images.get(url)).toMatchObject({ status: 'hit' })
  })

  it('is replaced when its origin has another one', async () => {
    const { origin, images, clock } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60' })
    await images.get(url)
    tagged(origin, { 'cache-control': 'max-age=60' }, png(5, 5))
    await clock.advance('61s')
    expect(await images.get(url)).toMatchObject({ status: 'miss', width: 5 })
    expect(await images.get(url)).toMatchObject({ status: 'hit', width: 5 })
  })

  it('takes on the fields of a 304, its lifetime included', async () => {
    const { origin, images, clock } = await setup()
    tagged(origin, { 'cache-control': 'max-age=10' })
    await images.get(url)
    tagged(origin, { 'cache-control': 'max-age=1000' })
    await clock.advance('11s')
    await images.get(url)
    await clock.advance('900s')
    expect(await images.get(url)).toMatchObject({ status: 'hit', age: 900 })
  })

  it('is asked for once however many want it at once', async () => {
    const { origin, images } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60' })
    const all = await Promise.all(Array.from({ length: 200 }, () => images.get(url)))
    expect(origin.hits).toBe(1)
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['miss']))
    expect(await images.get(url)).toMatchObject({ status: 'hit' })
  })

  it("is its caller's own: whoever changes it changes nobody else's", async () => {
    const { origin, images } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60' })
    const one = await images.get(url)
    one.body.fill(0)
    const two = await images.get(url)
    expect(Buffer.from(two.body).equals(png(2, 3))).toBe(true)
    images.peek(url)?.body.fill(0)
    expect(Buffer.from((await images.get(url)).body).equals(png(2, 3))).toBe(true)
    // Asked for twice, it is copied once.
    expect(two.body).toBe(two.body)
  })

  it('costs a client no cookie: what goes to the origin is the same for everybody', async () => {
    const { origin, images } = await setup()
    await images.get(url)
    const { headers } = origin.requests[0]!
    expect(headers.cookie).toBeUndefined()
    expect(headers.authorization).toBeUndefined()
    expect(headers['accept-encoding']).toBe('identity')
    expect(headers['cdn-loop']).toBe('holdfast')
  })
})

describe('freshness', () => {
  it.each([
    ['s-maxage goes before max-age', { 'cache-control': 'max-age=5, s-maxage=100' }, 100],
    ['the Age it came with counts', { 'cache-control': 'max-age=100', age: '40' }, 60],
    [
      'CDN-Cache-Control goes before Cache-Control',
      { 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=50' },
      50,
    ],
  ])('%s', async (_, headers, seconds) => {
    const { origin, images, clock } = await setup()
    tagged(origin, headers)
    await images.get(url)
    await clock.advance((seconds - 1) * 1_000)
    expect((await images.get(url)).status).toBe('hit')
    await clock.advance('1s')
    expect((await images.get(url)).status).toBe('revalidated')
  })

  it('has a floor and a ceiling', async () => {
    const { origin, images, clock } = await setup({ freshness: { min: '10s', max: '20s' } })
    tagged(origin, { 'cache-control': 'max-age=1' })
    await images.get(url)
    await clock.advance('9s')
    expect((await images.get(url)).status).toBe('hit')
    tagged(origin, { 'cache-control': 'max-age=1000' })
    await clock.advance('2s')
    await images.get(url)
    await clock.advance('21s')
    expect((await images.get(url)).status).toBe('revalidated')
  })

  it('of an origin with a ttl is that ttl', async () => {
    const { origin, images, clock } = await setup({
      origins: [{ match: 'http://img.example.com', ttl: '1h' }],
    })
    tagged(origin, { 'cache-control': 'max-age=1' })
    await images.get(url)
    await clock.advance('59m')
    expect((await images.get(url)).status).toBe('hit')
    await clock.advance('1m')
    expect((await images.get(url)).status).toBe('revalidated')
  })

  it.each(['no-store', 'private'])('of %s is none: returned, and not kept', async (directive) => {
    const { origin, images } = await setup({ freshness: { min: '1h' } })
    tagged(origin, { 'cache-control': directive })
    expect((await images.get(url)).status).toBe('miss')
    expect((await images.get(url)).status).toBe('miss')
    expect(origin.hits).toBe(2)
    expect(images.peek(url)).toBeUndefined()
  })

  it.each(['*', 'Cookie', 'Accept, Authorization'])('of Vary: %s is none', async (vary) => {
    const { origin, images } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60', vary })
    await images.get(url)
    await images.get(url)
    expect(origin.hits).toBe(2)
  })

  it('is the shortest that a redirect on the way states', async () => {
    const { origin, images, clock } = await setup()
    origin.answer = (request) =>
      request.url === '/a.png'
        ? { status: 302, headers: { location: '/b.png', 'cache-control': 'max-age=10' } }
        : { body: png(2, 3), headers: { 'cache-control': 'max-age=1000' } }
    await images.get(url)
    expect((await images.get(url)).status).toBe('hit')
    await clock.advance('11s')
    expect((await images.get(url)).status).toBe('miss')
    expect(origin.hits).toBe(4)
  })

  it('lets a stale image be served while it is refreshed, once, behind', async () => {
    const { origin, images, clock } = await setup({ freshness: { staleWhileRevalidate: '30s' } })
    tagged(origin, { 'cache-control': 'max-age=10' })
    await images.get(url)
    await clock.advance('11s')
    const seen = await Promise.all([images.get(url), images.get(url), images.get(url)])
    expect(seen.map(({ status }) => status)).toEqual(['stale', 'stale', 'stale'])
    await images.close()
    await expect.poll(() => origin.hits).toBe(2)
    expect(origin.requests[1]?.headers['if-none-match']).toBeDefined()
  })
})

describe('an origin that fails', () => {
  const failing = {
    'answers with 500': { status: 500 },
    'ends the connection': { destroys: true },
    'sends half an image': { body: png(2, 3).subarray(0, 40) },
    'sends a page': { body: Buffer.from('<html>'), headers: { 'content-type': 'text/html' } },
    'sends too much': { body: Buffer.alloc(11_000_000) },
  }
  it.each(Object.entries(failing))(
    'that %s is stood in for, and a bad image never replaces a good one',
    async (_, answer) => {
      const { origin, images, clock } = await setup()
      tagged(origin, { 'cache-control': 'max-age=10' })
      const good = await images.get(url)
      await clock.advance('11s')
      origin.answer = () => answer
      expect(await images.get(url)).toMatchObject({ status: 'stale', etag: good.etag, age: 11 })
      const { hits } = origin
      // Left alone for a second, then asked again.
      expect(await images.get(url)).toMatchObject({ status: 'stale' })
      expect(origin.hits).toBe(hits)
      tagged(origin, { 'cache-control': 'max-age=10' })
      await clock.advance('1s')
      expect(await images.get(url)).toMatchObject({ status: 'revalidated', etag: good.etag })
    },
  )

  it('is left alone as long as its Retry-After says, and no longer', async () => {
    const { origin, images, clock } = await setup()
    tagged(origin, { 'cache-control': 'max-age=10' })
    await images.get(url)
    await clock.advance('11s')
    origin.answer = () => ({ status: 503, headers: { 'retry-after': '120' } })
    expect((await images.get(url)).status).toBe('stale')
    expect(origin.hits).toBe(2)
    tagged(origin, { 'cache-control': 'max-age=10' })
    await clock.advance('119s')
    expect((await images.get(url)).status).toBe('stale')
    expect(origin.hits).toBe(2)
    await clock.advance('1s')
    expect((await images.get(url)).status).toBe('revalidated')
  })

  it('that takes too long is not waited for longer than a second, where a stale image may be served', async () => {
    const { origin, images, clock, passing } = await setup()
    tagged(origin, { 'cache-control': 'max-age=10' })
    await images.get(url)
    const strict = 'http://img.example.com/strict.png'
    tagged(origin, { 'cache-control': 'max-age=10, must-revalidate' })
    await images.get(strict)
    await clock.advance('11s')
    origin.answer = () => ({ after: new Promise(() => undefined) })
    const since = clock.now()
    expect(await passing(images.get(url))).toMatchObject({ status: 'stale' })
    expect(clock.now() - since).toBeLessThanOrEqual(1_200)
    // Past the deadline of the download: it has failed, and the origin is left alone.
    await clock.advance('3s')
    const { hits } = origin
    expect(await images.get(url)).toMatchObject({ status: 'stale' })
    expect(origin.hits).toBe(hits)
    await expect(passing(images.get(strict))).rejects.toMatchObject({
      code: 'timeout',
      status: 504,
    })
  })

  it('keeps no caller that has left, and the download goes on for those who stay', async () => {
    const { origin, images } = await setup()
    let answer!: () => void
    const after = new Promise<void>((resolve) => {
      answer = resolve
    })
    origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' }, after })
    const controller = new AbortController()
    const leaves = images.get(url, { signal: controller.signal })
    const stays = images.get(url)
    await expect.poll(() => origin.hits).toBe(1)
    controller.abort()
    await expect(leaves).rejects.toMatchObject({ name: 'AbortError' })
    answer()
    expect((await stays).status).toBe('miss')
    expect(origin.hits).toBe(1)
  })

  it('is not stood in for past the window, nor where the origin forbids it', async () => {
    const { origin, images, clock, passing } = await setup({ freshness: { staleIfError: '1m' } })
    tagged(origin, { 'cache-control': 'max-age=10' })
    await images.get(url)
    const strict = 'http://img.example.com/strict.png'
    tagged(origin, { 'cache-control': 'max-age=10, must-revalidate' })
    await images.get(strict)
    origin.answer = () => ({ status: 500 })
    await clock.advance('11s')
    expect((await images.get(url)).status).toBe('stale')
    await expect(passing(images.get(strict))).rejects.toMatchObject({
      code: 'status',
      upstreamStatus: 500,
    })
    await clock.advance('61s')
    await expect(passing(images.get(url))).rejects.toMatchObject({ code: 'status' })
    tagged(origin, { 'cache-control': 'max-age=10' })
    await clock.advance('31s')
    expect((await images.get(strict)).status).toBe('revalidated')
  })

  it.each([404, 410])(
    'with %i has no such image any more: it is held for a minute',
    async (status) => {
      const { origin, images, clock } = await setup()
      tagged(origin, { 'cache-control': 'max-age=10' })
      await images.get(url)
      await clock.advance('11s')
      origin.answer = () => ({ status, headers: { 'cache-control': 'max-age=100000' } })
      const failed = { name: 'ImageError', code: 'status', status: 404, upstreamStatus: status }
      await expect(images.get(url)).rejects.toMatchObject(failed)
      await expect(images.get(url)).rejects.toMatchObject(failed)
      expect(origin.hits).toBe(2)
      tagged(origin, { 'cache-control': 'max-age=10' })
      await clock.advance('60s')
      expect((await images.get(url)).status).toBe('miss')
    },
  )

  it('is not forgiven what the rules of this cache refuse: nothing stands in for that', async () => {
    const { origin, images, clock } = await setup()
    tagged(origin, { 'cache-control': 'max-age=10' })
    await images.get(url)
    await clock.advance('11s')
    origin.answer = () => ({ status: 302, headers: { location: 'http://169.254.169.254/' } })
    await expect(images.get(url)).rejects.toMatchObject({ code: 'origin', status: 403 })
  })

  it('without an image kept is asked again by the next caller, unless it said when', async () => {
    const { origin, images, clock } = await setup()
    origin.answer = () => ({ status: 429, headers: { 'retry-after': '30' } })
    await expect(images.get(url)).rejects.toMatchObject({ code: 'status', upstreamStatus: 429 })
    const { hits } = origin
    await clock.advance('29s')
    await expect(images.get(url)).rejects.toMatchObject({ code: 'status', upstreamStatus: 429 })
    expect(origin.hits).toBe(hits)
    tagged(origin)
    await clock.advance('1s')
    expect((await images.get(url)).status).toBe('miss')
  })
})

describe('purging', () => {
  it('removes an image at once, and softly leaves it to stand in', async () => {
    const { origin, images, passing } = await setup()
    tagged(origin, { 'cache-control': 'max-age=1000' })
    await images.get(url)
    await images.purge(url)
    expect(images.peek(url)).toBeUndefined()
    expect((await images.get(url)).status).toBe('miss')
    await images.purge(url, { soft: true })
    expect((await images.get(url)).status).toBe('revalidated')
    await images.purge(url, { soft: true })
    origin.answer = () => ({ status: 500 })
    expect((await images.get(url)).status).toBe('stale')
    expect((await images.get(url)).status).toBe('stale')
    await images.purge(url)
    await expect(passing(images.get(url))).rejects.toMatchObject({ code: 'status' })
  })

  it('keeps out what a download under way brings from before', async () => {
    const { origin, images } = await setup()
    let answer!: () => void
    const after = new Promise<void>((resolve) => {
      answer = resolve
    })
    origin.answer = () => ({
      body: png(2, 3),
      headers: { 'cache-control': 'max-age=1000' },
      after,
    })
    const early = images.get(url)
    await expect.poll(() => origin.hits).toBe(1)
    await images.purge(url)
    answer()
    expect((await early).status).toBe('miss')
    expect((await images.get(url)).status).toBe('miss')
    expect(origin.hits).toBe(2)
  })

  it('goes by origin, and by the names that origins give', async () => {
    const { origin, images } = await setup()
    const other = 'http://other.example.com/a.png'
    origin.answer = (request) => ({
      body: png(2, 3),
      headers: {
        'cache-control': 'max-age=1000',
        'cache-tag': request.headers.host === 'img.example.com' ? 'cats, pets' : 'dogs,pets',
      },
    })
    const load = async () => [(await images.get(url)).status, (await images.get(other)).status]
    expect(await load()).toEqual(['miss', 'miss'])
    await images.purgeOrigin('http://img.example.com')
    expect(await load()).toEqual(['miss', 'hit'])
    await images.purgeTags(['dogs'])
    expect(await load()).toEqual(['hit', 'miss'])
    await images.purgeTags(['pets'])
    expect(await load()).toEqual(['miss', 'miss'])
  })
})

describe('variants', () => {
  const transform = ({ width }: { width: number }, variant: string) =>
    png(width * Number(variant), 1)

  it('are made from one download, each kept under its own key, and only when the original changes', async () => {
    const made: string[] = []
    const { origin, images, clock } = await setup({
      transform: (source, variant) => {
        made.push(variant)
        return transform(source, variant)
      },
    })
    tagged(origin, { 'cache-control': 'max-age=60' })
    expect(await images.get(url, { variant: '2' })).toMatchObject({ status: 'miss', width: 4 })
    expect(await images.get(url, { variant: '3' })).toMatchObject({ status: 'miss', width: 6 })
    expect(await images.get(url, { variant: '2' })).toMatchObject({ status: 'hit', width: 4 })
    expect(await images.get(url)).toMatchObject({ status: 'hit', width: 2 })
    expect(origin.hits).toBe(1)
    await clock.advance('61s')
    expect(await images.get(url, { variant: '2' })).toMatchObject({
      status: 'revalidated',
      width: 4,
    })
    expect(made).toEqual(['2', '3'])
    tagged(origin, { 'cache-control': 'max-age=60' }, png(10, 10))
    await clock.advance('61s')
    expect(await images.get(url, { variant: '2' })).toMatchObject({ status: 'miss', width: 20 })
    expect(origin.hits).toBe(3)
  })

  it('go with their original, and stand in as it does', async () => {
    const { origin, images, clock, passing } = await setup({ transform })
    tagged(origin, { 'cache-control': 'max-age=60' })
    await images.get(url, { variant: '2' })
    await clock.advance('61s')
    origin.answer = () => ({ status: 500 })
    expect(await images.get(url, { variant: '2' })).toMatchObject({ status: 'stale', width: 4 })
    expect(await images.get(url, { variant: '9' })).toMatchObject({ status: 'stale', width: 18 })
    await images.purge(url)
    await expect(passing(images.get(url, { variant: '2' }))).rejects.toMatchObject({
      code: 'status',
    })
  })

  it('stand in by themselves where their original is kept no more', async () => {
    const { origin, images, clock, cache, passing } = await setup({ transform })
    tagged(origin, { 'cache-control': 'max-age=60' })
    await images.get(url, { variant: '2' })
    await cache.namespace('images').delete(images.key(url))
    await clock.advance('61s')
    origin.answer = () => ({ status: 500 })
    const found = await passing(images.get(url, { variant: '2' }))
    expect(found).toMatchObject({ status: 'stale', width: 4 })
  })

  it('that cannot be made are refused with what transform threw, or stood in for', async () => {
    const fault = new Error('out of memory')
    let isBroken = true
    const { origin, images, clock } = await setup({
      transform: ({ width }, variant) => {
        if (isBroken) throw fault
        return png(width * Number(variant), 1)
      },
    })
    tagged(origin, { 'cache-control': 'max-age=60' })
    const failing = images.get(url, { variant: '2' })
    await expect(failing).rejects.toMatchObject({ code: 'type', cause: fault })
    isBroken = false
    await images.get(url, { variant: '2' })
    isBroken = true
    tagged(origin, { 'cache-control': 'max-age=60' }, png(10, 10))
    await clock.advance('61s')
    expect(await images.get(url, { variant: '2' })).toMatchObject({ status: 'stale', width: 4 })
  })

  it('are inspected as downloads are, and a transform gets bytes of its own', async () => {
    const { origin, images } = await setup({
      transform: (source, variant) => {
        source.body.fill(0)
        return variant === 'bad' ? Buffer.from('no image') : png(1, 1)
      },
    })
    tagged(origin, { 'cache-control': 'max-age=60' })
    await expect(images.get(url, { variant: 'bad' })).rejects.toMatchObject({ code: 'type' })
    await images.get(url, { variant: 'good' })
    expect(Buffer.from((await images.get(url)).body).equals(png(2, 3))).toBe(true)
  })
})

describe('the options', () => {
  it('are swapped without interruption, and wrong ones change nothing', async () => {
    const { origin, images } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60' })
    await images.get(url)
    expect(() => images.update({ origins: ['not an origin'] })).toThrow(/origins\[0\]/)
    expect((await images.get(url)).status).toBe('hit')
    images.update({ origins: ['http://other.example.com'] })
    await expect(images.get(url)).rejects.toMatchObject({ code: 'origin' })
    images.update({ origins: ['http://img.example.com'], limits: { bytes: 10 } })
    expect((await images.get(url)).status).toBe('hit')
    await expect(images.get(`${url}?2`)).rejects.toMatchObject({ code: 'size' })
  })

  it.each([
    [{ origins: undefined }, /origins/],
    [{ cache: {} }, /cache must be/],
    [{ types: ['bmp'] }, /types\[0\]/],
    [{ freshness: { stale: 1 } }, /freshness.*'stale'/],
    [{ freshness: { min: '2d', max: '1d' } }, /freshness\.min/],
    [{ key: { preset: 'minio' } }, /key\.preset/],
    [{ key: { secret: 'short' } }, /key\.secret/],
    [{ cdnId: 'with space' }, /cdnId/],
    [{ orgins: [] }, /'orgins'.*did you mean 'origins'/],
    [{ transform: true }, /transform/],
    [{ poll: [{ match: 'http://nowhere.example', every: '1m' }] }, /poll\[0\]\.match/],
  ])('that are wrong are refused at once by their path: %o', async (wrong, message) => {
    await expect(setup(wrong as never)).rejects.toThrow(message)
  })
})

describe('an image that is larger than the store takes', () => {
  it('is returned, stays in this process alone, is counted, and costs nobody else anything', async () => {
    const store = memoryStore({ maxValueBytes: 3_000 })
    const { origin, images, cache, open, clock } = await setup({}, { store, bus: false })
    const errors: string[] = []
    cache.on('error', ({ kind, error }) => errors.push(`${kind} ${(error as Error).name}`))
    const large = Buffer.concat([png(2, 3), Buffer.alloc(5_000)])
    origin.answer = () => ({ body: large, headers: { 'cache-control': 'max-age=600' } })
    expect(await images.get(url)).toMatchObject({ status: 'miss', width: 2 })
    await expect.poll(() => errors).toEqual(['codec CodecError'])
    expect(cache.stats().codecErrors).toBe(1)
    const other = createCache({ clock, store, bus: false })
    expect((await open(other).get(url)).status).toBe('miss')
    expect(origin.hits).toBe(2)
    // A small one beside it is shared as ever.
    origin.answer = () => ({ body: png(1, 1), headers: { 'cache-control': 'max-age=600' } })
    await images.get(`${url}?small`)
    expect((await open(other).get(`${url}?small`)).status).toBe('hit')
    await other.close()
  })
})

describe('time', () => {
  it('is that of the cache where the network brings none', async () => {
    const { origin, images, clock } = await setup()
    tagged(origin, { 'cache-control': 'max-age=60' })
    const { clock: _, ...network } = origin.network(clock)
    const cache = createCache({ clock })
    const options = { cache, origins: ['http://img.example.com'], network: { schemes: ['http'] } }
    const other = createImageCache(withNetwork(options as ImageCacheOptions, network))
    await other.get(url)
    await clock.advance('61s')
    expect((await other.get(url)).status).toBe('revalidated')
    await other.close()
    await cache.close()
    expect(images.peek(url)).toBeUndefined()
  })

  it('ends what is held by the clock that began it', async () => {
    const { origin, open, clock } = await setup()
    const realTime = createCache()
    const images = open(realTime)
    origin.answer = () => ({ status: 404 })
    await expect(images.get(url)).rejects.toMatchObject({ code: 'status' })
    await expect(images.get(url)).rejects.toMatchObject({ code: 'status' })
    expect(origin.hits).toBe(1)
    await clock.advance('61s')
    tagged(origin, { 'cache-control': 'max-age=60' })
    expect((await images.get(url)).status).toBe('miss')
    await realTime.close()
  })
})

describe('what is asked besides', () => {
  it('is refused before anything is read or asked, and told to the listeners of the cache', async () => {
    const { origin, images, cache } = await setup()
    const heard: unknown[] = []
    cache.on('refused', (event) => heard.push(event))
    await expect(images.get('http://evil.test/')).rejects.toMatchObject({ code: 'origin' })
    await expect(images.get('ftp://img.example.com/')).rejects.toMatchObject({ code: 'scheme' })
    expect(heard).toEqual([
      { cache: 'default', key: 'url', reason: 'origin' },
      { cache: 'default', key: 'url', reason: 'scheme' },
    ])
    expect(origin.dials).toEqual([])
  })

  it('integrity is compared, once more with the origin where what is kept may be old', async () => {
    const { origin, images, clock } = await setup()
    const sri = (body: Buffer) => `sha384-${createHash('sha384').update(body).digest('base64')}`
    tagged(origin, { 'cache-control': 'max-age=1000' })
    expect((await images.get(url, { integrity: sri(png(2, 3)) })).status).toBe('miss')
    await expect(images.get(url, { integrity: sri(png(9, 9)) })).rejects.toMatchObject({
      code: 'integrity',
    })
    expect(origin.hits).toBe(2)
    tagged(origin, { 'cache-control': 'max-age=1000' }, png(9, 9))
    await clock.advance('1s')
    expect(await images.get(url, { integrity: sri(png(9, 9)) })).toMatchObject({ width: 9 })
    await expect(images.get(url, { integrity: 'md5-abc' })).rejects.toThrow(/sha256/)
  })

  it('warms many, and names those that failed', async () => {
    const { origin, images } = await setup()
    origin.answer = (request) => (request.url === '/bad' ? { status: 404 } : { body: png(1, 1) })
    const bad = 'http://img.example.com/bad'
    const result = await images.warm([url, `${url}?2`, bad, url])
    expect(result.loaded).toBe(2)
    expect([...result.failed.keys()]).toEqual([bad])
  })

  it('an image in use is checked again and again, with conditions, without anybody asking', async () => {
    const { origin, images, clock } = await setup({
      poll: [{ match: 'http://img.example.com', every: '1m', images: 2 }],
    })
    tagged(origin, { 'cache-control': 'max-age=100000' })
    for (const name of ['a', 'b', 'c']) await images.get(`http://img.example.com/${name}`)
    await images.get('http://other.example.com/d')
    expect(origin.hits).toBe(4)
    await clock.advance('61s')
    await expect.poll(() => origin.hits).toBe(6)
    const polled = origin.requests.slice(4)
    expect(polled.map(({ url: asked }) => asked.slice(-1)).sort()).toEqual(['b', 'c'])
    for (const { headers } of polled) expect(headers['if-none-match']).toBeDefined()
    await images.close()
    await clock.advance('10m')
    expect(origin.hits).toBe(6)
  })
})
