import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCache } from '../src/cache.ts'
import { apiKey } from '../src/keys/api-key.ts'
import { argumentsKey } from '../src/keys/argument-key.ts'
import { eventNames } from '../src/observe/events.ts'
import { resolveCacheOptions } from '../src/options/cache-settings.ts'
import {
  breakerDefaults,
  cacheDefaults,
  drainDefault,
  entryDefaults,
  memoryDefaults,
  resilienceDefaults,
} from '../src/options/defaults.ts'
import { healthDefaults } from '../src/options/health-options.ts'

/** What the pages say is held against the code: tables of defaults, keys, and every snippet's types. */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const page = (path: string) => readFileSync(join(root, 'docs', path), 'utf8')

describe('the page of events, counters and explanations', () => {
  const sections = page('events.md').split(/^## /m)
  const named = (heading: string) =>
    [...(sections.find((text) => text.startsWith(heading)) ?? '').matchAll(/^\| `([\w-]+)`/gm)]
      .map((row) => row[1])
      .sort()

  test('every event is there, and no other', () => {
    expect(named('Events')).toEqual([...eventNames].sort())
  })

  test('every counter is there, and no other', () => {
    expect(named('Counters')).toEqual(Object.keys(createCache().stats()).sort())
  })

  test('every field of an explanation is there, and no other', async () => {
    expect(named('An explanation')).toEqual(Object.keys(await createCache().explain('key')).sort())
  })
})

describe('the tables of options', () => {
  const sections = page('options.md').split(/^## /m)

  /** Option and default of each row of the section that begins so. */
  function documented(heading: string): Record<string, string> {
    const section = sections.find((text) => text.startsWith(heading)) ?? ''
    return Object.fromEntries(
      [...section.matchAll(/^\| `(\w+)` *\| (.+?) *\|/gm)].map((row) => [row[1], row[2]]),
    )
  }

  test.for([
    ['An entry', entryDefaults],
    ['A cache', cacheDefaults],
    ['`memory`', memoryDefaults],
    ['`resilience`', resilienceDefaults],
    ['`resilience.breaker`', breakerDefaults],
    ['`health`', healthDefaults],
    ['`close`', { drain: drainDefault }],
  ] as const)('%s: every default is that of the code', ([heading, defaults]) => {
    const table = documented(heading)
    for (const [option, value] of Object.entries(defaults)) {
      expect(table[option], option).toBe(`\`${written(value)}\``)
    }
  })

  test.for([
    ['An entry', { defaults: { none: 1 } }],
    ['A cache', { none: 1 }],
    ['`memory`', { memory: { none: 1 } }],
    ['`resilience`', { resilience: { none: 1 } }],
    ['`resilience.breaker`', { resilience: { breaker: { none: 1 } } }],
    ['`health`', { health: { none: 1 } }],
  ] as const)('%s: every option is there, and no other', ([heading, wrong]) => {
    expect(Object.keys(documented(heading)).sort()).toEqual(knownOptions(wrong).sort())
  })

  function written(value: unknown): string {
    if (typeof value === 'string') return `'${value}'`
    return typeof value === 'number'
      ? value.toLocaleString('en-US').replace('∞', 'Infinity')
      : String(value)
  }

  /** The names that the refusal of an unknown one lists. */
  function knownOptions(wrong: object): string[] {
    try {
      resolveCacheOptions(wrong)
    } catch (error) {
      return /It knows (.+)$/.exec(String(error))?.[1]?.split(', ') ?? []
    }
    return []
  }
})

describe('the tables of keys', () => {
  const rows = [...page('concepts/keys.md').matchAll(/^\| `(\w+)\((.*)\)` *\| `([^`]+)`(.*)\|$/gm)]

  test('there are some', () => {
    expect(rows.length).toBeGreaterThanOrEqual(10)
  })

  test.for(
    rows.map(([, name = '', args = '', key = '', rest = '']) => [name, args, key, rest] as const),
  )('%s(%s) is %s', ([name, args, key, rest]) => {
    const parameters: unknown[] = new Function(`return [${args}]`)()
    const built =
      name === 'apiKey'
        ? apiKey(...(parameters as [string, string, unknown]))
        : argumentsKey(name, parameters)
    if (rest.includes('40 hexadecimal digits'))
      expect(built).toMatch(new RegExp(`^${key}[0-9a-f]{40}$`))
    else expect(built).toBe(key)
  })
})

describe('the snippets', () => {
  const pages = [
    'README.md',
    'packages/core/README.md',
    'docs/introduction.md',
    'docs/concepts/freshness.md',
    'docs/concepts/stampede.md',
    'docs/concepts/invalidation.md',
    'docs/concepts/keys.md',
    'docs/concepts/errors.md',
    'docs/concepts/tiers.md',
    'docs/concepts/bus.md',
    'docs/concepts/sharding.md',
    'docs/guides/from-twemproxy.md',
    'docs/guides/from-libmemcached-and-pymemcache.md',
    'docs/guides/memcached.md',
    'docs/guides/http-cache.md',
    'docs/guides/images.md',
    'packages/image/README.md',
    'docs/guides/migrate.md',
    'docs/guides/encryption.md',
    'docs/guides/event-invalidation.md',
    'docs/guides/failover-store.md',
    'docs/guides/write-a-store.md',
    'docs/operations.md',
    'docs/recipes/express.md',
  ]
  const textOf = (path: string) => readFileSync(join(root, path), 'utf8')
  const fileOf = (path: string) => `${path.replace(/\W/g, '-')}-`
  /** What the snippets talk about without saying where it comes from. */
  const surroundings = `
    declare const cache: import('@holdfast/core').Cache
    declare const store: import('@holdfast/core').Store
    declare const folderStore: (folder: string) => import('@holdfast/core').Store
    declare const test: (name: string, run: () => Promise<void>) => void
    declare const createCache: typeof import('@holdfast/core').createCache
    declare const apiKey: typeof import('@holdfast/core').apiKey
    declare const isCacheError: typeof import('@holdfast/core').isCacheError
    interface User { id: string; name: string; org: string }
    interface Feed { etag: string | null; items: unknown }
    declare const db: {
      user(id: string | number, options?: { signal: AbortSignal }): Promise<User>
      usersByKey(keys: string[]): Promise<Map<string, User>>
      updateUser(user: User): Promise<void>
      order(id: string): Promise<{ id: string; customerId: string }>
    }
    declare const directory: {
      profile(org: string, login: string): Promise<{ login: string; name: string }>
      profile(user: User): Promise<{ login: string; name: string }>
    }
    declare const products: { list(query: { page: number }): Promise<{ name: string }[]> }
    declare const app: import('express').Express
    declare const server: import('node:http').Server
    interface Product { id: string; category: string }
    declare const table: {
      find(id: string): Promise<Product | null>
      setPrice(id: string, priceCents: number): Promise<Product>
    }
    declare const profile: (id: string) => Promise<User>
    declare const user: User
    declare const id: string
    declare const ids: string[]
    declare const key: string
    declare const url: string
    declare const request: Request
    declare const log: { warn(details: object, message: string): void }
    declare function maxAgeOf(response: Response): number
    declare function tryAgainLater(): never
  `
  let folder: string
  let verdict: string

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-snippets-'))
    writeFileSync(join(folder, 'surroundings.d.ts'), surroundings)
    for (const path of pages) {
      snippets(textOf(path)).forEach((code, index) => {
        const name = `snippet-${fileOf(path)}${index + 1}.ts`
        // A snippet may return, as it stands for the inside of a function.
        const inside = /^ *return /m.test(code) && !/^import /m.test(code)
        writeFileSync(
          join(folder, name),
          inside
            ? `async function snippet() {\n${code}\n}\nexport { snippet }\n`
            : `${code}\nexport {}\n`,
        )
      })
    }
    const config = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: {
        paths: {
          '@holdfast/core': [join(root, 'packages/core/src/index.ts')],
          '@holdfast/core/testing': [join(root, 'packages/core/src/testing/index.ts')],
          '@holdfast/core/sharding': [join(root, 'packages/core/src/sharding/index.ts')],
          '@holdfast/core/telemetry': [join(root, 'packages/core/src/telemetry/index.ts')],
          '@opentelemetry/api': [join(root, 'packages/core/node_modules/@opentelemetry/api')],
          '@holdfast/redis': [join(root, 'packages/adapters-redis/src/index.ts')],
          '@holdfast/image': [join(root, 'packages/image/src/index.ts')],
          '@holdfast/memcached': [join(root, 'packages/adapters-memcached/src/index.ts')],
          express: [join(root, 'examples/express-api/node_modules/@types/express')],
        },
        typeRoots: [join(root, 'node_modules/@types')],
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ['*.ts'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    try {
      verdict = execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], {
        encoding: 'utf8',
      })
    } catch (error) {
      verdict = String((error as { stdout?: unknown }).stdout)
    }
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The TypeScript of a page, but what shows another library's code. */
  const snippets = (text: string): string[] =>
    [...text.matchAll(/^```ts\n(.*?)^```$/gms)]
      .map(([, code = '']) => code)
      .filter((code) => !code.startsWith('// before'))

  test.for(pages)('of %s are right TypeScript', (path) => {
    const prefix = `snippet-${fileOf(path)}`
    expect(snippets(textOf(path)).length).toBeGreaterThan(0)
    expect(verdict.split('\n').filter((line) => line.includes(prefix))).toEqual([])
  })

  test.for(['README.md', 'packages/core/README.md'])(
    'the first of %s runs as it stands, and prints what it says',
    (path) => {
      const [code = ''] = snippets(textOf(path))
      const printed = execFileSync(
        process.execPath,
        ['--conditions=holdfast-source', '--input-type=module-typescript', '--eval', code],
        // From here '@holdfast/core' is this package itself.
        { cwd: join(root, 'packages/core'), encoding: 'utf8', timeout: 20_000 },
      )
      const [, says] = /console\.log\(.*\) \/\/ (.+)$/m.exec(code) ?? []
      expect(printed).toBe(`${says}\n`)
    },
  )

  test('are all checked: compiler and surroundings are in order', () => {
    // Of the sources that the snippets import, `typecheck` speaks.
    const others = /^\s|-md-\d+\.ts|packages\/[\w-]+\/src\//
    expect(verdict.split('\n').filter((line) => line !== '' && !others.test(line))).toEqual([])
  })
})

describe('the links', () => {
  const from = [
    'README.md',
    'packages/core/README.md',
    'docs/introduction.md',
    ...['bus', 'errors', 'freshness', 'invalidation', 'keys', 'leases', 'stampede', 'tiers'].map(
      (name) => `docs/concepts/${name}.md`,
    ),
    'docs/guarantees.md',
    'docs/operations.md',
    'docs/guides/migrate.md',
    'docs/guides/encryption.md',
    'docs/guides/event-invalidation.md',
    'docs/guides/failover-store.md',
    'docs/guides/inspector.md',
    'docs/guides/write-a-store.md',
    ...['express', 'fastify', 'nestjs', 'next'].map((name) => `docs/recipes/${name}.md`),
    ...['api-cache', 'define-typed', 'express-api', 'two-processes', 'write-a-store'].map(
      (name) => `examples/${name}/README.md`,
    ),
  ]
  test.for(from)('of %s lead somewhere, down to the heading', (path) => {
    const text = readFileSync(join(root, path), 'utf8')
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const inside = targets.filter((target) => !target.includes('://'))
    const leadsNowhere = inside.filter((target) => {
      const [file = '', heading] = target.split('#')
      const there = file === '' ? join(root, path) : join(root, path, '..', file)
      return !existsSync(there) || (heading !== undefined && !anchors(there).has(heading))
    })
    expect(leadsNowhere).toEqual([])
  })

  /** The headings of a page, as GitHub names them. */
  function anchors(file: string): Set<string> {
    const titles = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)
    return new Set(
      [...titles].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w\s-]/g, '')
          .replaceAll(' ', '-'),
      ),
    )
  }
})
