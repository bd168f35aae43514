import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright-core'
import { startGallery } from './gallery.ts'

/** Opens the gallery in a real browser: cold, warm, on a phone in the dark, and with its origin down. */
const [folder = '.', executablePath = '/usr/bin/chromium'] = process.argv.slice(2)
const gallery = await startGallery()
const { port } = gallery.server.address() as AddressInfo
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
const page = await browser.newPage({ viewport: { width: 1000, height: 1300 } })
page.on('pageerror', (error) => console.error('page error:', error.message))
for (const name of ['cold', 'warm', 'phone', 'down']) {
  const isPhone = name === 'phone'
  await page.emulateMedia({ colorScheme: isPhone ? 'dark' : 'light' })
  await page.setViewportSize(isPhone ? { width: 360, height: 740 } : { width: 1000, height: 1300 })
  if (name === 'down') {
    gallery.origin.isDown = true
    // Past the 20 seconds of freshness and the 10 of staleWhileRevalidate.
    await page.waitForTimeout(31_000)
  }
  await page.goto(`http://127.0.0.1:${port}/`)
  await page.waitForSelector('body[data-loaded]')
  await page.screenshot({ path: `${folder}/gallery-${name}.png`, fullPage: isPhone })
  const badges = await page.locator('.badge').allTextContents()
  console.log(name, badges.join(' | '))
}
await browser.close()
await gallery.close()
