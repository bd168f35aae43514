import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { canary } from '../../../../lab/src/canary.ts'
import { leaksIn } from '../../../../lab/src/leak-scan.ts'
import { InvalidOptionError } from '../errors.ts'
import type { ConfigError } from './config-error.ts'
import { type ConfigSources, readConfig } from './read-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function file(text: string, ending = 'yaml'): string {
  const path = join(folder, `${++files}.${ending}`)
  writeFileSync(path, text)
  return path
}

const refusal = async (sources: ConfigSources): Promise<ConfigError> => {
  const error: unknown = await readConfig({ env: {}, ...sources }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(leaksIn('error', inspect(error, { depth: 9, showHidden: true }))).toEqual([])
  return error as ConfigError
}

describe('a configuration', () => {
  it('is read from JSON and from YAML alike', async () => {
    const json = await readConfig({
      file: file('{"$schema":"x","caches":{"api":{"defaults":{"ttl":"1m"}}}}', 'json'),
      env: {},
    })
    const yaml = await readConfig({
      file: file('caches:\n  api:\n    defaults: { ttl: 1m }\n'),
      env: {},
    })
    expect(json).toEqual({ caches: { api: { defaults: { ttl: '1m' } } } })
    expect(yaml).toEqual(json)
  })

  it('takes the stronger of file, environment and arguments, in this order', async () => {
    const sources = {
      file: file(
        'caches:\n  apiCache:\n    defaults: { ttl: 1m, jitter: 0.5, staleIfError: 1h }\n',
      ),
      env: {
        HOLDFAST_CACHES__APICACHE__DEFAULTS__TTL: '2m',
        HOLDFAST_CACHES__API_CACHE__DEFAULTS__STALE_IF_ERROR: '2h',
        HOLDFAST_CACHES__APICACHE__ENABLED: 'false',
        HOLDFAST_CACHES__APICACHE__POLICIES: '{"api:*":{"ttl":5}}',
      },
      args: ['--caches.apiCache.defaults.ttl=3m', '--caches.apiCache.memory.maxEntries', '5'],
    }
    expect((await readConfig(sources)).caches?.apiCache).toEqual({
      defaults: { ttl: '3m', jitter: 0.5, staleIfError: '2h' },
      enabled: false,
      policies: { 'api:*': { ttl: 5 } },
      memory: { maxEntries: 5 },
    })
  })

  it('may come from the environment alone, and from the file that it names', async () => {
    expect(await readConfig({ env: { HOLDFAST_CACHES__API__NAMESPACE: 'a' } })).toEqual({
      caches: { api: { namespace: 'a' } },
    })
    const path = file('caches: { api: }')
    expect(await readConfig({ env: { HOLDFAST_CONFIG: path } })).toEqual({ caches: { api: {} } })
  })

  it('takes Infinity where an option does, and is frozen', async () => {
    const config = await readConfig({
      file: file('{"caches":{"a":{"defaults":{"ttl":"Infinity"}}}}', 'json'),
      env: {},
    })
    expect(config.caches?.a?.defaults?.ttl).toBe(Infinity)
    expect(Object.isFrozen(config.caches?.a?.defaults)).toBe(true)
  })

  it('is not troubled by what Kubernetes sets for a service called holdfast', async () => {
    const env = {
      HOLDFAST_SERVICE_HOST: '10.0.0.1',
      HOLDFAST_SERVICE_PORT_HTTP: '1',
      HOLDFAST_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
    }
    expect(await readConfig({ env })).toEqual({})
  })
})

describe('secrets', () => {
  it('stay references that show themselves nowhere, wherever they come from', async () => {
    writeFileSync(join(folder, 'password'), `${canary}\n`)
    const config = await readConfig({
      file: file(`
stores:
  a: { redis: { password: env:PASSWORD } }
  b: { redis: { password: file:./password } }
  c: { redis: { password: ${canary} } }
  d: { redis: {} }
`),
      env: { PASSWORD: canary, HOLDFAST_STORES__D__REDIS__PASSWORD: canary },
    })
    for (const shown of [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      inspect(config, { depth: 9, customInspect: false }),
      String(config.stores?.c?.redis?.password),
    ])
      expect(leaksIn('config', shown)).toEqual([])
    expect(JSON.stringify(config.stores?.d)).toContain('env:HOLDFAST_STORES__D__REDIS__PASSWORD')
  })

  it.each([
    ['env:NOPE', /^.*: stores\.a\.redis\.password refers to env:NOPE, which is not set$/],
    ['env:EMPTY', /which is empty$/],
    ['file:/nowhere/at/all', /refers to file:\/nowhere\/at\/all, which cannot be read \(ENOENT\)$/],
  ])('that do not resolve are an error at start: %s', async (reference, message) => {
    const error = await refusal({
      file: file(`stores: { a: { redis: { password: "${reference}" } } }`),
      env: { EMPTY: '' },
    })
    expect(error.message).toMatch(message)
    expect(error.path).toBe('stores.a.redis.password')
  })

  it('are refused in arguments, which everybody on the machine can read', async () => {
    const error = await refusal({
      file: file('stores: { a: { redis: {} } }'),
      args: [`--stores.a.redis.password=${canary}`],
    })
    expect(error.message).toMatch(/arguments are read by every user.*give env:NAME or file:/)
  })
})

describe('what is wrong is told with its place', () => {
  it.each([
    ['json', '{\n  "caches": {"a": {},}\n}', 2, 22],
    ['json', '{"caches": {"a": "SECRET', 1, 18],
    ['json', '{"caches": {}} x', 1, 16],
    ['json', '', 1, 1],
    ['yaml', 'caches:\n  a: {"x: SECRET\n', 3, 1],
    ['yaml', 'caches:\n  a: 1\n b: 2\n', 3, 1],
    ['yaml', 'caches:\n\ta: SECRET\n', 2, 1],
    ['yaml', 'a: 1\n---\nb: 2\n', 2, 1],
    ['yaml', 'caches: &a\n  b: *a\n', 2, 6],
    ['yaml', 'caches: *nothing\n', 1, 9],
    ['yaml', 'caches:\n  a: {}\n  a: {}\n', 3, 3],
    ['json', '{"caches":{"a":{},"a":{}}}', 1, 19],
  ])('of %s that is none: %j', async (ending, text, line, column) => {
    // The name of a test is printed.
    const error = await refusal({ file: file(text.replace('SECRET', canary), ending) })
    expect(error).toMatchObject({ line, column })
    expect(error.message).toContain(`.${ending}:${line}:${column}: `)
  })

  it.each([
    ['caches: { api: { memroy: false } }', 'caches.api.memroy', /did you mean 'memory'\? It knows/],
    ['cahces: {}', 'cahces', /did you mean 'caches'/],
    ['caches: { a: { policies: { "x:*": { tll: 1 } } } }', "caches.a.policies['x:*'].tll", /'ttl'/],
    ['caches: { a: { defaults: { ttl: -1 } } }', 'caches.a.defaults.ttl', /it was -1$/],
    ['caches: { a: { memory: true } }', 'caches.a.memory', /an object of options, or false/],
    ['caches: { a: { store: x } }', 'caches.a.store', /stores, of which there are none/],
    ['stores: { main: { memory: } }\ncaches: { a: { store: mian } }', 'caches.a.store', /'main'\?/],
    ['stores: { a: { redis: {}, memory: {} } }', 'stores.a', /exactly one of.*redis and memory/],
    ['stores: { a: {} }', 'stores.a', /exactly one of .* it has none/],
    ['sessions: { web: { store: a } }', 'sessions.web.secrets', /is missing/],
    ['- a', '', /must be an object of options; it was an array/],
    ['caches: { "a b": {} }', 'caches', /has the name 'a b'; names have/],
    ['caches: { constructor: {} }', 'caches', /none of Object\.prototype's/],
    ['caches: { a: { name: x }, b: { name: x } }', 'caches.b.name', /that of caches\.a/],
    [
      'stores: { s: { memory: } }\ncaches: { a: { store: s }, b: { store: s, namespace: a } }',
      'caches.b.namespace',
      /that of caches\.a in the same store/,
    ],
    [
      'stores:\n  a: { prefixed: { store: b, prefix: x } }\n  b: { failover: { main: c, gutter: a } }\n  c: { memory: }',
      'stores.b.failover.gutter',
      /circle of stores: a -> b -> a/,
    ],
    ['stores: { a: { prefixed: { store: a, prefix: x } } }', 'stores.a.prefixed.store', /a -> a/],
  ])('of %j', async (text, path, message) => {
    const error = await refusal({ file: file(text) })
    expect(error.path).toBe(path)
    expect(error.message).toMatch(message)
    expect(error.message).toContain('.yaml: ')
  })

  it.each<[string, string, string, RegExp]>([
    ['HOLDFAST_CACHE__API__ENABLED', 'false', '', /did you mean 'caches'/],
    ['HOLDFAST_GARBAGE', canary, '', /has no option 'garbage'/],
    ['HOLDFAST_CACHES', `{"a":${canary}`, '', /HOLDFAST_CACHES:1:6: expected a value/],
    ['HOLDFAST_CACHES__APPI__ENABLED', 'false', '', /did you mean 'api'/],
    ['HOLDFAST_CACHES__API__ENABLED', canary, 'caches.api.enabled', /true or false; .* string$/],
    ['HOLDFAST_CACHES__API__ENABLED__X', '1', 'caches.api.enabled', /has nothing inside/],
    ['HOLDFAST_CACHES__API__DEFAULTS__TTL', canary, 'caches.api.defaults.ttl', /milliseconds/],
    ['HOLDFAST_STORES__A__REDIS__PORT', '6379x', 'stores.a.redis.port', /port from 1 to 65535/],
  ])('of the variable %s', async (name, value, path, message) => {
    const error = await refusal({
      file: file('caches: { api: {} }\nstores: { a: { redis: {} } }'),
      env: { [name]: value },
    })
    expect(error).toMatchObject({ path, source: name })
    expect(error.message).toMatch(message)
    expect(error.message.startsWith(`${name}: `)).toBe(true)
  })

  it('of arguments', async () => {
    expect((await refusal({ args: ['caches.a.enabled=true'] })).message).toMatch(
      /^argument 1 must be --path=value/,
    )
    expect((await refusal({ args: ['--cashes.a.enabled'] })).message).toMatch(/'caches'/)
  })

  it('of a file that is not there, is too large, has no ending, or is no text', async () => {
    expect((await refusal({ file: join(folder, 'none.yaml') })).message).toMatch(/\(ENOENT\)/)
    expect((await refusal({ file: file(' '.repeat(1_048_577)) })).message).toMatch(/at most/)
    expect((await refusal({ file: file('', 'toml') })).message).toMatch(/ends in \.json, \.yaml/)
    const path = file('')
    writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00]))
    expect((await refusal({ file: path })).message).toMatch(/is not in UTF-8/)
  })

  it('pollutes no prototype', async () => {
    await refusal({ file: file('{"caches":{"__proto__":{"x":1}}}', 'json') })
    await refusal({ file: file('{"__proto__":{"x":1}}', 'json') })
    await refusal({
      file: file('{"caches":{"a":{"policies":{"__proto__":{"ttl":1}}}}}', 'json'),
    })
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })
})
