import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCache } from '@holdfast/core'
import { afterEach, describe, expect, it } from 'vitest'
import { diskStore } from '../../src/disk-store/disk-store.ts'
import { createImageCache } from '../../src/image-cache/image-cache.ts'
import { carrySeam } from '../../src/network/seam.ts'
import { createImageHandler } from '../../src/serve/image-handler.ts'
import { verifyUrl } from '../../src/serve/sign-url.ts'
import {
  type BadInputAnswer,
  type BadInputCase,
  badInput,
  bodyOf,
  send,
} from '../download/bad-input.ts'
import { type CaseOrigin, caseOrigin } from '../download/case-origin.ts'

/** The cases once more, the whole way: through the cache and the handler, as a client would meet them. */
const { cases, base, bodies } = badInput()
const at = 'http://img.example.com/a'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

function answering(given: BadInputCase['given']) {
  return caseOrigin((request, response) => {
    const url = `http://${request.headers.host}${request.url}`
    const answer: BadInputAnswer | undefined = given.hops === undefined ? given : given.hops[url]
    if (answer === undefined) return void response.writeHead(404).end()
    const name = answer.body ?? (given.hops === undefined ? 'png_2x3' : undefined)
    send(answer, name === undefined ? Buffer.alloc(0) : bodyOf(bodies[name]!), response)
  })
}

function imagesOver(origin: CaseOrigin, given: BadInputCase['given'] = {}, store = {}) {
  const config = { ...base, ...given.config }
  const cache = createCache(store)
  const images = createImageCache(
    carrySeam(
      {
        cache,
        origins: config.origins === '*' ? ['*'] : config.origins,
        limits: {
          bytes: config.maxBytes,
          pixels: config.maxPixels,
          side: config.maxDimension,
          redirects: config.maxRedirects,
          deadline: config.deadlineMs,
        },
        network: {
          schemes: config.schemes.map((scheme) => scheme.slice(0, -1) as 'http' | 'https'),
          ports: config.ports,
          allowPrivate: config.allowPrivate,
        },
      },
      origin.seam,
    ),
  )
  closing.push(
    () => origin.close(),
    () => images.close(),
    () => cache.close(),
  )
  return { cache, images }
}

const statuses: Record<string, number> = {
  url: 400,
  scheme: 403,
  credentials: 403,
  port: 403,
  origin: 403,
  address: 403,
  timeout: 504,
}

describe('a case of bad input, the whole way', () => {
  const fetches = ['url', 'dns', 'redirect', 'response']
  const these = cases.filter(({ stage }) => fetches.includes(stage))

  it.each(these.map((one) => [`${one.id} (${one.rule})`, one] as const))('%s', async (_, one) => {
    const { given, expect: expected } = one
    const origin = await answering(given)
    origin.dns = { ...given.dns }
    const { images } = imagesOver(origin, given)
    const handler = createImageHandler(images)
    const url = given.url ?? at
    for (let call = 0; call < (given.calls ?? 1); call++) {
      const came = await handler(new Request(`http://cache/?url=${encodeURIComponent(url)}`))
      if (expected.outcome === 'allow') {
        expect(came.status).toBe(200)
        if (expected.type !== undefined)
          expect(came.headers.get('content-type')).toBe(expected.type)
        for (const name of expected.absent ?? []) expect(came.headers.has(name)).toBe(false)
        continue
      }
      const { reason = '' } = expected
      const isGone = reason === 'status' && given.status === 404
      expect([came.status, await came.text()]).toEqual([
        isGone ? 404 : (statuses[reason] ?? 502),
        reason,
      ])
      expect(images.peek(url)).toBeUndefined()
    }
    const { originHits } = expected as { originHits?: number }
    if (originHits !== undefined) expect(origin.requests).toHaveLength(originHits)
    for (const host of expected.notDialled ?? []) {
      expect(origin.dialled.map(({ address }) => address)).not.toContain(host)
    }
    if (one.stage === 'url' && expected.outcome === 'reject') expect(origin.dialled).toEqual([])
  })

  it('d025 (R18): only GET and HEAD', async () => {
    const { given, expect: expected } = cases.find(({ id }) => id === 'd025') as unknown as {
      given: { request: { method: string; path: string } }
      expect: { status: number; headers: Record<string, string> }
    }
    const { images } = imagesOver(await answering({}))
    const { method, path } = given.request
    const came = await createImageHandler(images)(new Request(`http://cache${path}`, { method }))
    expect(came.status).toBe(expected.status)
    for (const [name, value] of Object.entries(expected.headers)) {
      expect(came.headers.get(name)).toBe(value)
    }
  })

  it('d026 (R19): a fragment is no part of the key', async () => {
    const { given } = cases.find(({ id }) => id === 'd026') as unknown as {
      given: { a: string; b: string }
    }
    const { images } = imagesOver(await answering({}))
    expect(images.key(given.a)).toBe(images.key(given.b))
  })

  it("d027 (R20): imgproxy's own vector", () => {
    const { given } = cases.find(({ id }) => id === 'd027') as unknown as {
      given: { pairs: { key: string; salt: string }[]; path: string; signature: string }
    }
    expect(verifyUrl(given.path, given.signature, given.pairs)).toBe(true)
  })

  it('d028 (R21): one flipped bit of a stored image is a miss, goes, and is counted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bad-'))
    closing.push(() => rm(directory, { recursive: true, force: true }))
    const open = () => diskStore({ directory, maxBytes: 1e6 })
    const png = bodyOf(bodies.png_2x3!)
    const first = open()
    await first.set('K', png, { ttlMs: 60_000 })
    await first.close()
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    const [file] = entries.filter((entry) => entry.isFile())
    const path = join(file!.parentPath, file!.name)
    const bytes = await readFile(path)
    bytes[bytes.indexOf(png)]! ^= 1
    await writeFile(path, bytes)
    const store = open()
    expect(await store.get('K')).toBeUndefined()
    expect((await store.metrics!()).damaged).toBe(1)
    await store.close()
    const left = await readdir(directory, { recursive: true, withFileTypes: true })
    expect(left.filter((entry) => entry.isFile())).toEqual([])
  })
})

describe('an image on a disk that is damaged', () => {
  it('is downloaded again, and the listeners hear of nothing wrong being served', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bad-'))
    const store = diskStore({ directory, maxBytes: 1e6 })
    const origin = await answering({ headers: { 'cache-control': 'max-age=600' } })
    const { images } = imagesOver(origin, {}, { store, memory: false })
    closing.push(() => rm(directory, { recursive: true, force: true }))
    expect((await images.get(at)).status).toBe('miss')
    await expect.poll(async () => (await images.get(at)).status).toBe('hit')
    const { length } = origin.requests
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    for (const entry of entries.filter((found) => found.isFile())) {
      const path = join(entry.parentPath, entry.name)
      const bytes = await readFile(path)
      bytes[bytes.length - 1]! ^= 1
      await writeFile(path, bytes)
    }
    const again = await images.get(at)
    expect([again.status, Buffer.from(again.body).equals(bodyOf(bodies.png_2x3!))]).toEqual([
      'miss',
      true,
    ])
    expect(origin.requests).toHaveLength(length + 1)
    expect((await store.metrics!()).damaged).toBeGreaterThan(0)
  })
})
