import { afterEach, describe, expect, it } from 'vitest'
import { createDownloader } from '../../src/download/download.ts'
import { defaultTypes, inspect } from '../../src/inspect/inspect.ts'
import { readGuardSettings } from '../../src/network/settings.ts'
import { type BadInputCase, badInput, bodyOf, send } from './bad-input.ts'
import { type CaseOrigin, caseOrigin } from './case-origin.ts'

/** What comes before anything is kept. The cases of keys, signatures, handlers and stores have tests of their own. */
const stages = ['url', 'dns', 'redirect', 'response']

const { cases, base, bodies } = badInput()
const mine = cases.filter(({ stage }) => stages.includes(stage))

let origin: CaseOrigin | undefined
afterEach(() => origin?.close())

function settingsOf({ config: changed }: BadInputCase['given']) {
  const config = { ...base, ...changed }
  return {
    ...readGuardSettings({
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
    }),
    types: defaultTypes,
  }
}

/** What an image cache does with a URL before it keeps anything. */
async function fetched({ given }: BadInputCase) {
  const settings = settingsOf(given)
  const downloader = createDownloader(settings, origin!.seam)
  try {
    const { body, headers } = await downloader.download(given.url ?? 'http://img.example.com/a')
    const declaredType = headers.get('content-type') ?? undefined
    return { outcome: 'allow', headers, ...inspect(body, { ...settings, declaredType }) }
  } catch (error) {
    return { outcome: 'reject', reason: (error as { code: string }).code }
  } finally {
    downloader.close()
  }
}

describe('cases of bad input', () => {
  it('are as many as the file has for these stages', () => {
    expect(mine).toHaveLength(24)
  })

  it.each(mine.map((one) => [`${one.id} (${one.rule})`, one] as const))('%s', async (_, one) => {
    const { given, expect: expected } = one
    origin = await caseOrigin((request, response) => {
      const url = `http://${request.headers.host}${request.url}`
      const answer = given.hops === undefined ? given : given.hops[url]
      const name = answer?.body ?? (given.hops === undefined ? 'png_2x3' : undefined)
      if (answer === undefined) return void response.writeHead(404).end()
      send(answer, name === undefined ? Buffer.alloc(0) : bodyOf(bodies[name]!), response)
    })
    origin.dns = { ...given.dns }
    const came = await fetched(one)
    expect(came).toMatchObject({
      outcome: expected.outcome,
      ...(expected.reason === undefined ? {} : { reason: expected.reason }),
      ...(expected.type === undefined ? {} : { type: expected.type }),
    })
    const dialled = origin.dialled.map(({ address, port }) => `${address}:${port}`)
    if (expected.outcome === 'reject' && one.stage !== 'response' && one.stage !== 'redirect')
      expect(dialled).toEqual([])
    if (expected.dial !== undefined) expect(dialled[0]).toBe(expected.dial)
    for (const host of expected.notDialled ?? [])
      expect(origin.dialled.map(({ address }) => address)).not.toContain(host)
    if (expected.lookups !== undefined) expect(origin.lookedUp).toHaveLength(expected.lookups)
    for (const name of expected.absent ?? [])
      expect((came as { headers: Headers }).headers.has(name)).toBe(false)
    if (expected.maxBodyBytesRead !== undefined)
      expect(origin.bytesRead()).toBeLessThanOrEqual(expected.maxBodyBytesRead + 1_024)
  })
})
