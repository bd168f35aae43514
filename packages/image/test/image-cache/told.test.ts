import { createHash } from 'node:crypto'
import { type AuditRecord, audit, prometheus } from '@holdfast/core/telemetry'
import { canarySecret } from '@holdfast/lab/canary'
import { expect, it, onTestFinished } from 'vitest'
import { createImageHandler } from '../../src/serve/image-handler.ts'
import { type Answer, setup, url } from './origin.ts'
import { png } from './pictures.ts'

/* What is refused is told to whoever looks after security and to whoever counts, without address and without bytes. */

const page = Buffer.from('<!doctype html><title>canary</title>')

async function told(options: Parameters<typeof setup>[0] = {}) {
  const made = await setup(options)
  onTestFinished(() => made.close())
  const records: AuditRecord[] = []
  const end = audit({ caches: made.cache }, (record) => records.push(record))
  onTestFinished(end)
  prometheus(made.cache)
  const blocked = () =>
    prometheus(made.cache)
      .split('\n')
      .filter((line) => line.startsWith('holdfast_image_blocked_total'))
  return { ...made, records, blocked }
}

it.for<[string, string, string, Answer, Parameters<typeof setup>[0]?]>([
  ['a page in the place of an image', 'type', 'content_refused', { body: page }],
  ['too many bytes', 'size', 'content_refused', { body: png(9, 9) }, { limits: { bytes: 40 } }],
  ['too many pixels', 'pixels', 'content_refused', { body: png(9, 9) }, { limits: { pixels: 80 } }],
  [
    'a redirect without end',
    'redirect',
    'foreign_redirect',
    { status: 302, headers: { location: url } },
  ],
  [
    'a redirect into the network',
    'address',
    'ssrf_blocked',
    { status: 302, headers: { location: 'http://169.254.169.254/canary' } },
    { origins: ['*'] },
  ],
])('%s is blocked for its %s, which is %s', async ([_, reason, event, answer, options]) => {
  const { origin, images, records, blocked } = await told(options)
  origin.answer = () => answer
  const failure = await images.get(url).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: reason })
  expect(records).toMatchObject([{ event, reason, source: 'cache', name: 'default', count: 1 }])
  expect(blocked()).toEqual([`holdfast_image_blocked_total{cache="default",reason="${reason}"} 1`])
  expect(JSON.stringify(records)).not.toMatch(/canary|example\.com|169\.254/)
})

it('content that is blocked while a stale image stands in is told all the same', async () => {
  const { origin, images, clock, records } = await told({
    freshness: { staleIfError: '1h' },
  })
  origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  await images.get(url)
  origin.answer = () => ({ body: page })
  await clock.advance('2m')
  expect((await images.get(url)).status).toBe('stale')
  expect(records).toMatchObject([{ event: 'content_refused', reason: 'type' }])
})

it('an image that is not the one its digest names is told, once asked again', async () => {
  const { origin, images, records } = await told()
  origin.answer = () => ({ body: png(2, 3), headers: { 'cache-control': 'max-age=60' } })
  const other = `sha256-${createHash('sha256').update('another').digest('base64')}`
  for (const _ of ['loaded', 'kept'])
    await expect(images.get(url, { integrity: other })).rejects.toMatchObject({ code: 'integrity' })
  expect(records).toMatchObject([{ event: 'integrity_failed', reason: 'integrity', count: 1 }])
})

it('a request whose signature is wrong, or missing, is told before anything is read', async () => {
  const { origin, images, records, blocked } = await told()
  const hex = (name: string) => Buffer.from(canarySecret(name)).toString('hex')
  const pairs = [{ key: hex('key'), salt: hex('salt') }]
  const handler = createImageHandler(images, { signing: { pairs, required: true } })
  const path = `/?url=${encodeURIComponent(url)}`
  for (const start of ['', `/${'A'.repeat(43)}`])
    expect((await handler(new Request(`http://cache.example${start}${path}`))).status).toBe(403)
  expect(records).toMatchObject([{ event: 'signature_refused', reason: 'signature', count: 1 }])
  expect(blocked()).toEqual(['holdfast_image_blocked_total{cache="default",reason="signature"} 2'])
  expect(origin.hits).toBe(0)
})

it('an origin that is away is no matter of security', async () => {
  const { origin, images, records, blocked, passing } = await told()
  origin.answer = () => ({ status: 500 })
  await expect(passing(images.get(url))).rejects.toMatchObject({ code: 'status' })
  expect(records).toEqual([])
  expect(blocked()).toEqual([])
})
