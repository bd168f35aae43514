import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Cache, createCache } from '../src/cache.ts'
import { shardedStore } from '../src/sharding/sharded-store.ts'
import { memoryStore } from '../src/store/memory-store.ts'
import { inspector } from '../src/telemetry/inspector/inspector.ts'
import { type OwnBrowser, openBrowser } from './browser.ts'
import {
  look,
  type Seen,
  type Tried,
  tryWhatIsForbidden,
  unnamedControls,
  unnamedRegions,
} from './in-the-page.ts'

// A loaded machine may take its time to draw; what is on the page in the end is taken exactly.
const soon = { timeout: 20_000 }
const hostile = '<img src=x onerror="document.title=1">'

let products: Cache
let people: Cache
let server: Server
let url: string
let allowed: { read: boolean; purge: boolean }
let asked: string[]
let browser: OwnBrowser
let page: Page
let complaints: string[]

const views = [
  ['a phone in the dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ['a desk in the light', { viewport: { width: 1_280, height: 900 }, colorScheme: 'light' }],
] as const

describe.each(views)('in Chromium on %s, the inspector', (_, view) => {
  beforeAll(async () => {
    browser = await openBrowser({ ...view, reducedMotion: 'reduce' })
  }, 60_000)
  afterAll(() => browser.close())

  beforeEach(async () => {
    allowed = { read: true, purge: true }
    asked = []
    complaints = []
    const store = shardedStore({
      servers: [1, 2].map((i) => ({ name: `server-${i}`, weight: i, store: memoryStore() })),
    })
    products = createCache({ name: 'products', store, defaults: { staleWhileRevalidate: '1h' } })
    people = createCache({ name: hostile })
    const inspect = inspector([products, people], {
      authorize: (_request, right) => allowed[right],
      refresh: '500ms',
    })
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      inspect.node(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/deep/inside`
    page = await browser.context.newPage()
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.setDefaultTimeout(soon.timeout)
  })

  afterEach(async () => {
    await page.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await products.close()
    await people.close()
  })

  const text = (id: string) => page.locator(`#${id}`).textContent()
  const shows = (id: string, what: string | RegExp) =>
    expect.poll(() => text(id), soon).toMatch(what)

  async function lookUp(key: string) {
    await page.fill('#key', key)
    await page.click('#key-form button')
    await page.waitForSelector('#answer:not([hidden])')
  }

  test('shows live what the cache does, without a complaint of the browser', async () => {
    await products.set('a', 1)
    await page.goto(url)
    await shows('overall', 'unknown')
    await expect.poll(() => page.locator('#ring li').count(), soon).toBe(2)
    await shows('tiers', /Near.*1 entries.*Far: sharded.*breaker closed.*Bus.*Origin/)
    await shows('asked-note', '0 ever')
    for (let i = 0; i < 30; i++) await products.get('a')
    await products.wrap('b', () => 2)
    await shows('asked-note', '31 ever')
    await shows('rate', /96\.8 %/)
    await shows('loads-note', '1 ever, none failed')
    await expect.poll(() => page.locator('#chart path').count(), soon).toBe(4)
    await shows('chart-text', /^Answers a second in the last .* stale and .* not from the cache$/)
    await shows('health', /Hit rate.*warns below 80 %, critical below 60 %/)
    for (let i = 0; i < 30; i++) await products.get('a')
    await shows('latency', /near hit.*µs/)
    expect(complaints).toEqual([])
  })

  test('explains a key, expires it, and deletes it, each after it was confirmed', async () => {
    await products.set('shelf:7', 1, { tags: ['toys'] })
    await page.goto(url)
    await lookUp('shelf:7')
    await shows('facts', /fresh.*shelf:7.*this process’s memory.*server-\d.*toys/)
    await page.click('#expire')
    await shows('confirm-text', /“shelf:7” in cache “products” counts as stale/)
    await page.keyboard.press('Escape')
    expect((await products.explain('shelf:7')).status).toBe('fresh')
    await page.click('#expire')
    await page.click('#confirm-yes')
    await shows('key-said', 'Expired.')
    expect((await products.explain('shelf:7')).status).toBe('stale')
    await shows('facts', /stale.*it was expired/)
    await page.click('#delete')
    await page.click('#confirm >> text=Cancel')
    expect((await products.explain('shelf:7')).status).toBe('stale')
    await page.click('#delete')
    await page.click('#confirm-yes')
    await shows('key-said', 'Deleted.')
    expect(await products.get('shelf:7')).toBeUndefined()
    await shows('facts', /absent/)
    expect(asked.filter((one) => one.includes('shelf'))).toEqual([])
    expect(complaints).toEqual([])
  })

  test('expires what is under a tag, and deletes it, each after it was confirmed', async () => {
    await products.set('x', 1, { tags: ['toys'] })
    await page.goto(url)
    await page.fill('#tag', 'toys')
    // Return in the field is the milder of the two.
    await page.press('#tag', 'Enter')
    await shows('confirm-text', /“toys” in cache “products” counts as stale/)
    await page.keyboard.press('Escape')
    expect((await products.explain('x')).status).toBe('fresh')
    await page.click('#expire-tag')
    await page.click('#confirm-yes')
    await shows('tag-said', 'Expired what was kept under “toys”.')
    expect((await products.explain('x')).status).toBe('stale')
    await lookUp('x')
    await shows('facts', /stale.*its tag toys was expired/)
    await page.click('#delete-tag')
    await shows('confirm-text', /“toys” in cache “products” is gone/)
    await page.click('#confirm-yes')
    await shows('tag-said', 'Deleted what was kept under “toys”.')
    expect(await products.get('x')).toBeUndefined()
  })

  test('takes a key, a tag, a reason and a name of a cache for text, whatever they are made of', async () => {
    await people.set(hostile, 1, { tags: [hostile] })
    await page.goto(url)
    await page.waitForSelector('#chooser:not([hidden])')
    await page.selectOption('#cache', hostile)
    await lookUp(hostile)
    await expect.poll(() => text('facts'), soon).toContain(hostile)
    await page.click('#delete')
    await expect.poll(() => text('confirm-text'), soon).toContain(hostile)
    await page.click('#confirm-yes')
    await shows('key-said', 'Deleted.')
    await page.fill('#tag', hostile)
    for (const verb of ['expire', 'delete']) {
      await page.click(`#${verb}-tag`)
      await page.click('#confirm-yes')
      await expect.poll(() => text('tag-said'), soon).toMatch(verb === 'expire' ? /^Exp/ : /^Del/)
      expect(await text('tag-said')).toContain(hostile)
    }
    expect(await page.title()).toBe('Holdfast inspector')
    expect(await page.locator('img').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  test('may do nothing that its policy does not say: no foreign script, style, frame or request', async () => {
    await page.goto(url)
    const tried = await page.evaluate<Tried>(tryWhatIsForbidden)
    expect(tried.refused).toBe('TypeError')
    for (const directive of ['connect-src', 'frame-src', 'style-src-elem'])
      expect(tried.blocked).toContain(directive)
  })

  test('says what one may not do, and stops where one may not look any more', async () => {
    await products.set('a', 1)
    await page.goto(url)
    allowed = { read: true, purge: false }
    await lookUp('a')
    await page.click('#delete')
    await page.click('#confirm-yes')
    await shows('key-said', 'You may not do that here.')
    expect(await products.get('a')).toBe(1)
    allowed = { read: false, purge: false }
    await shows('banner', 'You are not allowed to look at this any more.')
    await shows('live-text', 'Not allowed')
    const before = asked.length
    await page.waitForTimeout(1_200)
    expect(asked.length).toBe(before)
  })

  test('asks for nothing while it is paused, and goes on after', async () => {
    await page.goto(url)
    await shows('asked-note', '0 ever')
    await page.click('#pause')
    await shows('live-text', 'Paused')
    expect(await page.getAttribute('#pause', 'aria-pressed')).toBe('true')
    await page.waitForTimeout(300)
    const before = asked.length
    await products.get('a')
    await page.waitForTimeout(1_200)
    expect(asked.length).toBe(before)
    await page.click('#pause')
    await shows('asked-note', '1 ever')
  })

  test('says that the process is away, and is live again when it is back', async () => {
    await page.goto(url)
    await shows('live-text', 'Live')
    const { port } = server.address() as AddressInfo
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await shows('live-text', 'No answer; trying again')
    server.listen(port, '127.0.0.1')
    await shows('live-text', /^Live$/)
  })

  test('is worked by the keyboard alone, and every control has a name', async () => {
    await products.set('a', 1)
    await page.goto(url)
    await shows('overall', 'unknown')
    await page.keyboard.press('Tab')
    expect(await page.evaluate<string>('document.activeElement.textContent')).toContain('Skip to')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('key')
    await page.keyboard.type('a')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#answer:not([hidden])')
    for (let i = 0; i < 3; i++) await page.keyboard.press('Tab')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('delete')
    await page.keyboard.press('Enter')
    // The harmless one has the focus first, and none behind the dialog can have it.
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Cancel')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await shows('key-said', 'Deleted.')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('delete')
    const unnamed = await page.evaluate<string[]>(unnamedControls)
    expect(unnamed).toEqual([])
    for (const role of ['main', 'banner', 'contentinfo'] as const)
      expect(await page.getByRole(role).count()).toBe(1)
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
    const regions = await page.evaluate<string[]>(unnamedRegions)
    expect(await page.getByRole('region').count()).toBeGreaterThanOrEqual(7)
    expect(regions).toEqual([])
  })

  test('fits the screen, can be read, and does not move where less motion is wanted', async () => {
    await products.set('a'.repeat(200), 1, { tags: ['b'.repeat(200)] })
    await page.goto(url)
    await lookUp('a'.repeat(200))
    await shows('health', 'Hit rate')
    const seen = await page.evaluate<Seen>(look)
    expect(seen).toEqual({
      tooWide: 0,
      pale: [],
      moving: 0,
      isDark: view.colorScheme === 'dark',
    })
  })

  test('is empty of caches for who may not look', async () => {
    allowed = { read: false, purge: false }
    const response = await page.goto(url)
    expect(response?.status()).toBe(403)
    expect(await page.content()).not.toMatch(/products|server-1/)
  })
})
