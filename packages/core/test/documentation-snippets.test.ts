import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { allPages, root, textOf } from './documents.ts'

/** Every TypeScript snippet of every page is right TypeScript, against the sources. */

/** What is not: snippets of frameworks that are not installed here. */
const unchecked = ['docs/recipes/nestjs.md']

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
  declare const serialize: (value: unknown) => Uint8Array
  declare const deserialize: (bytes: Uint8Array) => unknown
`

/** Files that a page's snippets import and do not show. */
const companions: Record<string, Record<string, string>> = {
  'docs/recipes/fastify.md': {
    'products.ts': `
      export interface Product { id: string; category: string }
      export interface ProductTable {
        find(id: string): Promise<Product | null>
        setPrice(id: string, priceCents: number): Promise<Product>
      }`,
  },
  'docs/recipes/next.md': {
    'lib/table.ts': `
      export declare const table: {
        find(id: string): Promise<{ name: string } | null>
        setPrice(id: string, priceCents: number): Promise<{ name: string }>
      }`,
  },
}

/** The TypeScript of a page, but what shows another library's code. */
const snippetsOf = (path: string): string[] =>
  [...textOf(path).matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .filter((code) => !code.startsWith('// before'))

const pages = allPages.filter((path) => snippetsOf(path).length > 0 && !unchecked.includes(path))

/** Each page has a folder: what a snippet calls by a file's name is that file. */
const folderOf = (path: string) => path.replace(/\W/g, '-')

let folder: string
let verdict: string[]

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-snippets-'))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  write('surroundings.d.ts', surroundings)
  for (const path of pages) {
    for (const [name, text] of Object.entries(companions[path] ?? {}))
      write(`${folderOf(path)}/${name}`, text)
    snippetsOf(path).forEach((code, index) => {
      const [, name = `snippet-${index + 1}.ts`] =
        /^\/\/ ([\w./[\]-]+\.ts)$/m.exec(code.split('\n')[0] ?? '') ?? []
      // A snippet may return, as it stands for the inside of a function.
      const isInside = /^ *return /m.test(code) && !/^(im|ex)port /m.test(code)
      const whole = isInside
        ? `async function snippet() {\n${code}\n}\nexport { snippet }\n`
        : `${code}\nexport {}\n`
      write(`${folderOf(path)}/${name}`, whole)
    })
  }
  const source = (path: string) => [join(root, 'packages', path)]
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      paths: {
        '@holdfast/core': source('core/src/index.ts'),
        '@holdfast/core/*': source('core/src/*/index.ts'),
        '@holdfast/redis': source('adapters-redis/src/index.ts'),
        '@holdfast/memcached': source('adapters-memcached/src/index.ts'),
        '@holdfast/image': source('image/src/index.ts'),
        '@holdfast/image/*': source('image/src/*/index.ts'),
        '@opentelemetry/api': source('core/node_modules/@opentelemetry/api'),
        express: source('core/node_modules/@types/express'),
        'express-session': source('core/node_modules/@types/express-session'),
        fastify: source('core/node_modules/fastify'),
        vitest: [join(root, 'node_modules/vitest')],
      },
      typeRoots: [join(root, 'node_modules/@types')],
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: ['**/*.ts'],
  }
  write('tsconfig.json', JSON.stringify(config))
  let output = ''
  try {
    output = execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], {
      encoding: 'utf8',
    })
  } catch (error) {
    output = String((error as { stdout?: unknown }).stdout)
  }
  verdict = output.split('\n').filter((line) => line !== '')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('there are pages with snippets, and those that are not checked have some, too', () => {
  expect(pages.length).toBeGreaterThan(30)
  for (const path of unchecked) expect(snippetsOf(path).length).toBeGreaterThan(0)
})

test.for(pages)('the snippets of %s are right TypeScript', (path) => {
  expect(verdict.filter((line) => line.includes(`/${folderOf(path)}/`))).toEqual([])
})

test('all snippets are checked: compiler and surroundings are in order', () => {
  // Of the sources that the snippets import, `typecheck` speaks.
  const others = /^\s|-md\/|packages\/[\w-]+\/src\//
  expect(verdict.filter((line) => !others.test(line))).toEqual([])
})

test.for(['README.md', 'packages/core/README.md'])(
  'the first snippet of %s runs as it stands, and prints what it says',
  (path) => {
    const [code = ''] = snippetsOf(path)
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
