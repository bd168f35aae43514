import { memoryStore } from '@holdfast/core'
import { canarySecret } from '@holdfast/lab/canary'
import { afterEach, describe, expect, it } from 'vitest'
import { setup as setUp, url } from './origin.ts'
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

const match = 'http://img.example.com'

describe('options that are swapped', () => {
  it('leave a download under way as it began, and the next one goes by the new ones', async () => {
    const { origin, images } = await setup()
    let answer = () => {}
    const after = new Promise<void>((resolve) => {
      answer = resolve
    })
    origin.answer = () => ({ body: png(2, 3), after, headers: { 'cache-control': 'max-age=60' } })
    const underWay = images.get(url)
    await expect.poll(() => origin.hits).toBe(1)
    images.update({ limits: { bytes: 10 }, origins: ['http://other.example.com'] })
    answer()
    expect(await underWay).toMatchObject({ status: 'miss', width: 2 })
    const other = 'http://other.example.com/a.png'
    await expect(images.get(other)).rejects.toMatchObject({ code: 'size' })
    await expect(images.get(url)).rejects.toMatchObject({ code: 'origin' })
    expect(origin.hits).toBe(2)
  })

  it('change the credentials that an origin is asked with', async () => {
    const { origin, images } = await setup({
      origins: [{ match, headers: () => ({ authorization: `Bearer ${canarySecret('one')}` }) }],
    })
    await images.get(url)
    images.update({
      origins: [
        { match, headers: async () => ({ authorization: `Bearer ${canarySecret('two')}` }) },
      ],
    })
    await images.get(`${url}?2`)
    images.update({ origins: [match] })
    await images.get(`${url}?3`)
    const sent = origin.requests.map(({ headers }) => headers.authorization)
    expect(sent).toEqual([
      `Bearer ${canarySecret('one')}`,
      `Bearer ${canarySecret('two')}`,
      undefined,
    ])
  })

  it('change how long what is kept is fresh, of an origin and of all', async () => {
    const { origin, images, clock } = await setup({ origins: [{ match, ttl: '10m' }] })
    origin.answer = () => ({ body: png(2, 3), headers: { etag: '"1"' } })
    await images.get(url)
    await clock.advance('2m')
    expect((await images.get(url)).status).toBe('hit')
    images.update({ origins: [{ match, ttl: '1m' }] })
    expect((await images.get(url)).status).not.toBe('hit')
    expect(origin.hits).toBe(2)
    origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=600' } })
    images.update({ origins: [match] })
    await images.get(`${url}?2`)
    await clock.advance('2m')
    expect((await images.get(`${url}?2`)).status).toBe('hit')
    images.update({ freshness: { max: '1m' } })
    expect((await images.get(`${url}?2`)).status).not.toBe('hit')
    expect(origin.hits).toBe(4)
  })
})

it('what an origin is asked with lies in no store, whatever it answers', async () => {
  const secret = canarySecret('origin')
  const store = memoryStore()
  const { origin, images } = await setup(
    { origins: [{ match, headers: async () => ({ authorization: `Bearer ${secret}` }) }] },
    { store },
  )
  await images.get(url)
  origin.answer = () => ({ status: 404 })
  await expect(images.get(`${url}?none`)).rejects.toMatchObject({ code: 'status' })
  expect(origin.requests[0]?.headers.authorization).toContain(secret)
  let entries = 0
  for await (const key of store.list!('')) {
    const stored = Buffer.from((await store.get(key)) ?? [])
    expect(`${key} ${stored.toString('latin1')}`).not.toContain(secret)
    entries++
  }
  expect(entries).toBeGreaterThan(1)
})

it('polling asks an origin for so many at once and no more, however many are in use', async () => {
  const { origin, images, clock } = await setup({
    poll: [{ match, every: '1m', concurrency: 3, images: 12 }],
  })
  const headers = { 'cache-control': 'max-age=100000', etag: '"1"' }
  origin.answer = () => ({ body: png(2, 3), headers })
  for (let index = 0; index < 12; index++) await images.get(`${url}?${index}`)
  const waiting: (() => void)[] = []
  origin.answer = () => ({
    status: 304,
    headers,
    after: new Promise<void>((resolve) => waiting.push(resolve)),
  })
  await clock.advance('61s')
  for (let rounds = 0; rounds < 4; rounds++) {
    await expect.poll(() => waiting.length).toBe(3)
    expect(origin.hits).toBe(12 + 3 * (rounds + 1))
    for (const release of waiting.splice(0)) release()
  }
  await expect.poll(() => waiting.length).toBe(0)
  expect(origin.hits).toBe(24)
})
