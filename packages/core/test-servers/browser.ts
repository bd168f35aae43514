import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

/** Nothing that asks for anything on its own, and no sandbox: tests may run as root, where Chromium has none. */
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface OwnBrowser {
  readonly context: BrowserContext
  close(): Promise<void>
}

/** A Chromium with a profile of its own, which is gone afterwards. */
export async function openBrowser(options: BrowserContextOptions): Promise<OwnBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'holdfast-browser-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findBrowser(),
    args: quiet,
    ...options,
  })
  return {
    context,
    async close() {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

function findBrowser(): string {
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/bin']) {
    const path = join(directory, 'chromium')
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here: the next directory may have it.
    }
  }
  throw new Error('chromium is not installed; run: sh scripts/ensure-servers.sh')
}
