import type { IncomingMessage, ServerResponse } from 'node:http'
import { isCacheError } from '@holdfast/core'
import { fakeClock } from '@holdfast/core/testing'
import { canary, canarySecret } from '@holdfast/lab/canary'
import { until } from '@holdfast/lab/until'
import { afterEach, describe, expect, it } from 'vitest'
import { createDownloader, type Downloader } from '../../src/download/download.ts'
import { ImageError } from '../../src/image-error.ts'
import { defaultTypes } from '../../src/inspect/inspect.ts'
import type { GuardOptions } from '../../src/network/options.ts'
import type { NetworkSeam } from '../../src/network/seam.ts'
import { readGuardSettings } from '../../src/network/settings.ts'
import { type CaseOrigin, caseOrigin } from '../../test/download/case-origin.ts'

let origin: CaseOrigin | undefined
const downloaders: Downloader[] = []
afterEach(async () => {
  for (const downloader of downloaders.splice(0)) downloader.close()
  await origin?.close()
  origin = undefined
})

const url = 'http://img.example.com/a.png'

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

async function downloaderOf(
  answer: Answer,
  options: Partial<GuardOptions> = {},
  seam: Partial<NetworkSeam> = {},
): Promise<Downloader> {
  let count = 0
  origin = await caseOrigin((request, response) => answer(request, response, ++count))
  return another(options, seam)
}

function another(
  options: Partial<GuardOptions> = {},
  seam: Partial<NetworkSeam> = {},
  previous?: Downloader,
): Downloader {
  const guard = { origins: ['*'], network: { schemes: ['http', 'https'] as const }, ...options }
  const settings = { ...readGuardSettings(guard), types: defaultTypes }
  const downloader = createDownloader(settings, { ...origin!.seam, ...seam }, previous)
  downloaders.push(downloader)
  return downloader
}

const refusal = (work: Promise<unknown>): Promise<ImageError> =>
  work.then(
    () => expect.fail('it was admitted'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ImageError)
      return error as ImageError
    },
  )

const fine: Answer = (_, response) => void response.end('picture')

describe('what is asked', () => {
  it('is the same for every client: who asks, what formats, no coding, and nothing else', async () => {
    const downloader = await downloaderOf(fine)
    await downloader.download(url, { cdnLoop: 'holdfast' })
    const { 'user-agent': agent, ...headers } = origin!.requests[0]!.headers
    expect(agent).toBe('holdfast-image')
    expect(headers).toEqual({
      host: 'img.example.com',
      connection: 'keep-alive',
      accept: 'image/jpeg,image/png,image/gif,image/webp,image/avif',
      'accept-encoding': 'identity',
      'cdn-loop': 'holdfast',
    })
  })

  it('has the validators of the copy at hand, and a 304 is an answer to them', async () => {
    const downloader = await downloaderOf((_, response) => {
      response.writeHead(304, { etag: '"b"' }).end()
    })
    const conditional = { etag: '"a"', lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT' }
    const answer = await downloader.download(url, { conditional })
    expect(answer).toMatchObject({ status: 304, body: new Uint8Array(), finalUrl: url })
    expect(answer.headers.get('etag')).toBe('"b"')
    expect(origin!.requests[0]!.headers).toMatchObject({
      'if-none-match': '"a"',
      'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT',
    })
    expect(await refusal(downloader.download(url))).toMatchObject({
      code: 'status',
      upstreamStatus: 304,
    })
  })
})

describe('what is answered', () => {
  it('is the whole body in memory of its own, with the headers and the way it came', async () => {
    const downloader = await downloaderOf((request, response) => {
      if (request.url === '/a.png')
        return void response
          .writeHead(302, { location: '/b.png', 'cache-control': 'max-age=5' })
          .end()
      response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'], 'content-type': 'image/png' })
      response.end('picture')
    })
    const answer = await downloader.download(url)
    expect(Buffer.from(answer.body).toString()).toBe('picture')
    expect(answer.body.buffer.byteLength).toBe(7)
    expect(answer.headers.get('content-type')).toBe('image/png')
    expect(answer.finalUrl).toBe('http://img.example.com/b.png')
    expect(answer.hops).toMatchObject([{ url, status: 302 }])
    expect(answer.hops[0]!.headers.get('cache-control')).toBe('max-age=5')
    // No cookie comes back with the next request.
    await downloader.download('http://img.example.com/b.png')
    expect(origin!.requests.at(-1)!.headers).not.toHaveProperty('cookie')
  })

  it.each([
    [201, 502, false],
    [204, 502, false],
    [206, 502, false],
    [300, 502, false],
    [302, 502, false],
    [401, 502, false],
    [403, 502, false],
    [404, 404, false],
    [410, 404, false],
    [429, 502, true],
    [500, 502, true],
    [503, 502, true],
  ])('%i is refused, and stands for %i', async (upstreamStatus, status, retryable) => {
    const downloader = await downloaderOf((_, response) => response.writeHead(upstreamStatus).end())
    const error = await refusal(downloader.download(url, { retry: false }))
    expect(error).toMatchObject({ code: 'status', upstreamStatus, status, retryable })
    expect(isCacheError(error)).toBe(true)
    expect(origin!.requests).toHaveLength(1)
  })

  it.each([
    ['120', 120_000],
    ['Thu, 01 Jan 2026 00:05:00 GMT', 300_000],
    ['Wed, 31 Dec 2025 00:05:00 GMT', 0],
    ['soon', undefined],
  ])('Retry-After: %s is handed on', async (header, retryAfterMs) => {
    const answer: Answer = (_, response) => response.writeHead(503, { 'retry-after': header }).end()
    const downloader = await downloaderOf(answer, {}, { clock: fakeClock() })
    expect(await refusal(downloader.download(url, { retry: false }))).toMatchObject({
      retryAfterMs,
    })
  })
})

it('the body of a redirect is not read, and its connection is not kept', async () => {
  const downloader = await downloaderOf((request, response) => {
    if (request.url !== '/a.png') return void response.end('picture')
    response.writeHead(302, { location: '/b.png' })
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    }
    response.on('drain', more)
    more()
  })
  expect((await downloader.download(url)).body.byteLength).toBe(7)
  await until('one connection is left', () => origin!.openConnections() === 1)
  expect(origin!.bytesRead()).toBeLessThan(1_000_000)
})

describe('credentials', () => {
  it('are sent to hosts of their entry, and to no other on the way', async () => {
    const downloader = await downloaderOf(
      (request, response) => {
        if (request.headers.host === 'img.example.com')
          return void response.writeHead(302, { location: 'http://cdn.example/b' }).end()
        if (request.headers.host === 'cdn.example')
          return void response.writeHead(302, { location: 'http://img.example.com:8080/c' }).end()
        response.end('picture')
      },
      {
        origins: [
          {
            match: 'http://img.example.com',
            headers: { authorization: `Bearer ${canarySecret('one')}` },
          },
          { match: 'http://cdn.example', headers: { 'x-key': canarySecret('two') } },
          { match: 'http://img.example.com:8080' },
        ],
      },
    )
    await downloader.download(url)
    const sent = origin!.requests.map(({ headers }) => [headers.authorization, headers['x-key']])
    expect(sent).toEqual([
      [`Bearer ${canarySecret('one')}`, undefined],
      [undefined, canarySecret('two')],
      [undefined, undefined],
    ])
  })

  it('of a function are asked for each time, and once more after a 401', async () => {
    let token = 0
    const headers = async () => ({ authorization: `${canarySecret('token')} ${++token}` })
    const downloader = await downloaderOf(
      (request, response) =>
        response
          .writeHead(request.headers.authorization === `${canarySecret('token')} 2` ? 200 : 401)
          .end('picture'),
      { origins: [{ match: 'http://img.example.com', headers }] },
    )
    expect((await downloader.download(url)).status).toBe(200)
    expect(token).toBe(2)
    expect(await refusal(downloader.download(url))).toMatchObject({ upstreamStatus: 401 })
    expect(token).toBe(4)
    expect(origin!.requests).toHaveLength(4)
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error(`no token: ${canary}`)
      },
    ],
    ['rejects', () => Promise.reject(new Error(`no token: ${canary}`))],
    ['gives nothing', () => undefined],
    ['gives what is no header', () => ({ authorization: `${canary}\r\nhost: evil` })],
  ])('of a function that %s are an error, which does not show them', async (_, headers) => {
    const origins = [{ match: 'http://img.example.com', headers: headers as never }]
    const downloader = await downloaderOf(fine, { origins })
    const error = await refusal(downloader.download(url))
    expect(error.code).toBe('headers')
    expect(error.message).not.toContain(canary)
    expect(origin!.requests).toEqual([])
  })

  it('are in no error and no answer', async () => {
    const origins = [
      { match: 'http://img.example.com', headers: { authorization: canarySecret('origin') } },
    ]
    const downloader = await downloaderOf((_, response) => response.writeHead(403).end(), {
      origins,
    })
    const error = await refusal(downloader.download(`${url}?signature=${canarySecret('signed')}`))
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(canary)
  })
})

describe('an origin in trouble', () => {
  it.each<[string, Answer]>([
    ['says 503', (_, response) => response.writeHead(503).end()],
    [
      'cuts its answer',
      (_, response) =>
        response.writeHead(200, { 'content-length': 9 }).write('x', () => response.destroy()),
    ],
    ['hangs up', (request) => request.socket.destroy()],
  ])('that %s is asked again, and its second answer counts', async (_, trouble) => {
    const downloader = await downloaderOf((request, response, count) =>
      (count === 1 ? trouble : fine)(request, response, count),
    )
    expect(await downloader.download(url)).toMatchObject({ status: 200, retries: 1 })
  })

  it('is not asked again where a stale copy can stand in', async () => {
    const downloader = await downloaderOf((_, response) => response.writeHead(503).end())
    await refusal(downloader.download(url, { retry: false }))
    expect(origin!.requests).toHaveLength(1)
  })

  it('gets a tenth more requests than there are downloads, and two', async () => {
    const answer: Answer = (_, response, count) =>
      response.writeHead(count % 3 === 0 ? 503 : 200).end('x')
    const downloader = await downloaderOf(answer)
    for (let round = 0; round < 100; round++)
      await downloader.download(`${url}?${round}`).catch(() => {})
    expect(origin!.requests.length).toBeLessThanOrEqual(100 + 10 + 2)
    expect(origin!.requests.length).toBeGreaterThan(105)
  })

  it('is left alone for 5 s when half of twenty downloads fail, and others are not', async () => {
    const clock = fakeClock()
    let status = 500
    const answer: Answer = (request, response) =>
      response.writeHead(request.headers.host === 'other.example' ? 200 : status).end('x')
    const downloader = await downloaderOf(answer, {}, { clock })
    const once = () => downloader.download(url, { retry: false })
    for (let round = 0; round < 20; round++) await refusal(once())
    expect(await refusal(once())).toMatchObject({
      code: 'unavailable',
      retryAfterMs: 5_000,
      status: 502,
    })
    expect(origin!.requests).toHaveLength(20)
    expect((await downloader.download('http://other.example/')).status).toBe(200)
    // Also under new settings.
    expect(await refusal(another({}, { clock }, downloader).download(url))).toMatchObject({
      code: 'unavailable',
    })
    status = 200
    await clock.advance('5s')
    expect((await once()).status).toBe(200)
    expect((await once()).status).toBe(200)
  })

  it('that answers 404 is not in trouble', async () => {
    const downloader = await downloaderOf((_, response) => response.writeHead(404).end())
    for (let round = 0; round < 30; round++)
      expect(await refusal(downloader.download(url))).toMatchObject({ status: 404 })
    expect(origin!.requests).toHaveLength(30)
  })
})

describe('many downloads at once', () => {
  it('ask an origin six at a time, or as many as its entry says, over as many connections', async () => {
    for (const concurrency of [6, 2]) {
      let inside = 0
      let most = 0
      const origins = concurrency === 6 ? ['*'] : [{ match: '*', concurrency }]
      const downloader = await downloaderOf(
        (_, response) => {
          most = Math.max(most, ++inside)
          setTimeout(() => {
            inside--
            response.end('picture')
          }, 5)
        },
        { origins },
      )
      await Promise.all(
        Array.from({ length: 30 }, (_, place) => downloader.download(`${url}?${place}`)),
      )
      expect(most).toBe(concurrency)
      expect(origin!.dialled).toHaveLength(concurrency)
      await origin!.close()
    }
  })

  it('beyond sixteen that wait for each place are refused at once', async () => {
    const waiting: ServerResponse[] = []
    const downloader = await downloaderOf((_, response) => waiting.push(response), {
      origins: [{ match: '*', concurrency: 1 }],
    })
    const leaving = new AbortController()
    const running = Array.from({ length: 17 }, () =>
      downloader.download(url, { signal: leaving.signal }).catch((error: Error) => error.message),
    )
    await until('the first is asked', () => waiting.length === 1)
    expect(await refusal(downloader.download(url))).toMatchObject({
      code: 'busy',
      status: 503,
      retryable: true,
    })
    leaving.abort(new Error('left'))
    expect(new Set(await Promise.all(running))).toEqual(new Set(['left']))
  })
})

describe('at the end', () => {
  it('downloads under way finish, those still asked for are made, and no connection stays', async () => {
    let finish = () => {}
    const downloader = await downloaderOf((_, response) => {
      finish = () => response.end('picture')
    })
    const running = downloader.download(url)
    await until('it is under way', () => origin!.requests.length === 1)
    downloader.close()
    finish()
    expect((await running).status).toBe(200)
    const late = downloader.download(url)
    await until('it is under way', () => origin!.requests.length === 2)
    finish()
    expect((await late).status).toBe(200)
    // Sooner than an idle connection is closed that is kept.
    await until('the connection is closed', () => origin!.openConnections() === 0, 3_000)
  })

  it('no timer is left, whatever came of the downloads', async () => {
    const clock = fakeClock()
    const downloader = await downloaderOf(
      (request, response) => response.writeHead(request.url === '/a.png' ? 200 : 404).end('x'),
      {},
      { clock },
    )
    await downloader.download(url)
    await refusal(downloader.download('http://img.example.com/none'))
    await refusal(downloader.download('http://127.0.0.1/'))
    expect(clock.pendingTimers).toBe(0)
  })
})
