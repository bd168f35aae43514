import type { AddressInfo } from 'node:net'
import { canarySecret } from '@holdfast/lab/canary'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startGallery } from './gallery.ts'

let gallery: Awaited<ReturnType<typeof startGallery>>
let at: string

beforeEach(async () => {
  vi.stubEnv('SIGNING_KEY', canarySecret('key'))
  vi.stubEnv('SIGNING_SALT', canarySecret('salt'))
  vi.stubEnv('ADMIN_TOKEN', canarySecret('admin'))
  gallery = await startGallery()
  at = `http://127.0.0.1:${(gallery.server.address() as AddressInfo).port}`
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await gallery.close()
})

const sources = async () => {
  const page = await (await fetch(at)).text()
  return [...page.matchAll(/data-source="([^"]+)"( data-bad)?/g)].map(([, source = '', bad]) => ({
    source: at + source.replaceAll('&#38;', '&'),
    isBad: bad !== undefined,
  }))
}

test('every picture of the page is served as WebP, 320 wide, and from the cache the second time', async () => {
  const good = (await sources()).filter(({ isBad }) => !isBad)
  expect(good).toHaveLength(6)
  for (const { source } of good) {
    const first = await fetch(source)
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'image/webp'])
    expect((await fetch(source)).headers.get('cache-status')).toMatch(/; hit; ttl=\d+$/)
  }
  expect(gallery.origin.requests).toBe(6)
})

test('nothing bad that the origin sends is served, and no request that nobody signed', async () => {
  const codes: string[] = []
  for (const { source, isBad } of await sources()) {
    if (!isBad) continue
    const response = await fetch(source)
    expect(response.ok).toBe(false)
    codes.push(await response.text())
  }
  expect(codes).toEqual(['type', 'truncated', 'pixels', 'status', 'origin', 'signature'])
})

test('what the administrator purges is fetched again, and nobody else may', async () => {
  const [first] = await sources()
  await fetch(first!.source)
  const url = new URL(first!.source).searchParams.get('url')
  const purge = (token: string) =>
    fetch(`${at}/admin/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ urls: [url] }),
    })
  expect((await purge(canarySecret('wrong'))).status).toBe(403)
  expect((await fetch(first!.source)).headers.get('cache-status')).toContain('hit')
  expect((await purge(canarySecret('admin'))).status).toBe(200)
  expect((await fetch(first!.source)).headers.get('cache-status')).toContain('fwd=')
})
