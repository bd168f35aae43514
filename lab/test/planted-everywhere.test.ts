import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/**
 * A search for the canary finds nothing where a test uses another secret: so none does. What is meant are words that a
 * test writes down as a password, a key, a token or a secret.
 */
const root = fileURLToPath(new URL('../..', import.meta.url))

const named = `(?:password|requirepass|masterauth|secret|salt|adminToken|authorization|redis_auth)`
const literal = /['"`]([^'"`\n]*)['"`]/.source
const places = [
  // { password: '…' }, secret = '…', authorization: `Bearer …`
  new RegExp(String.raw`\b${named}['"]?\s*[:=]\s*(?:async\s*)?(?:\(\)\s*=>\s*)?${literal}`, 'gi'),
  // secrets: ['…', '…']
  new RegExp(String.raw`\bsecrets\s*[:=]\s*\[\s*(?:[\w.]+,\s*)?${literal}`, 'g'),
  // An ACL user of Redis: on >…
  />([^\s'"`]+) [~&+-]/g,
  // { key: '…', salt: … } of a signature
  new RegExp(String.raw`\bkey:\s*${literal},\s*salt`, 'g'),
  // A key of so many equal bytes.
  /\bsecret:\s*((?:Buffer\.alloc|new Uint8Array|randomBytes)\([^)]*\))/g,
]

/** Where it comes from is written there, or it is no secret: too short, of a wrong kind, of a specification. */
const fine = [/^$/, /\$\{/, /^(?:env|file):/, /^SECRET$/, /^short$/]

function secretsIn(text: string): string[] {
  return places
    .flatMap((place) => [...text.matchAll(place)].map(([, words = '']) => words))
    .filter((words) => !fine.some((each) => each.test(words)))
}

/** Why a file may. */
const exempt: Record<string, string> = {
  'lab/test/planted-everywhere.test.ts': 'shows what is not fine',
  'packages/core/test/envelope/v1-cases.ts': 'its secret is that of committed fixtures',
  'packages/core/test/envelope/measure.ts': 'is no test',
  'packages/core/test/config/reference.ts': 'says what a password is',
  'packages/image/src/serve/sign-url.test.ts': 'holds signatures that another program has made',
}

test.each([
  "const store = redisStore({ password: 'hunter2' })",
  "password: async () => 'hunter2'",
  "const secret = 'a secret'",
  'headers: { authorization: `Bearer abc` }',
  "secrets: ['a', canarySecret('b')]",
  "secrets: [secret, 'b']",
  "users: ['anna on >pw ~* &* +@all']",
  "pairs: [{ key: 'k', salt: canary }]",
  'keys: [{ id, secret: randomBytes(32) }]',
])('a secret of another kind is seen: %s', (text) => {
  expect(secretsIn(text)).toHaveLength(1)
})

test.each([
  "password: 'env:PASSWORD'",
  "password: canarySecret('anna')",
  `anna on >\${canarySecret(name)} ~* &* +@all`,
  "secrets: [canarySecret('a'), canarySecret('b')]",
  'secret: canaryKey(id)',
])('one that is made of it, or that stands elsewhere, is fine: %s', (text) => {
  expect(secretsIn(text)).toEqual([])
})

test('no test writes down a secret that is not made of the canary', () => {
  const files = execFileSync('git', ['ls-files', 'packages', 'examples', 'lab'], { cwd: root })
    .toString()
    .split('\n')
    .filter((path) => /(?:\.test\.ts|\/test(?:-servers)?\/.*\.ts|^lab\/src\/.*\.ts)$/.test(path))
    .filter((path) => !(path in exempt) && !path.includes('/fixtures/'))
  expect(files.length).toBeGreaterThan(300)
  const found = files.flatMap((path) =>
    secretsIn(readFileSync(`${root}${path}`, 'utf8')).map((words) => `${path}: ${words}`),
  )
  expect(found).toEqual([])
})
