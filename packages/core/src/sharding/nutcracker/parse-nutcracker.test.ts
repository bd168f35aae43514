import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { canary } from '../../../../../lab/src/canary.ts'
import { InvalidOptionError } from '../../errors.ts'
import { createRing } from '../ring.ts'
import { parseNutcracker } from './parse-nutcracker.ts'

const yml = (...lines: string[]) =>
  ['alpha:', '  listen: 127.0.0.1:22121', ...lines.map((line) => `  ${line}`), ''].join('\n')
const two = ['servers:', ' - 10.0.0.1:11211:1', ' - 10.0.0.2:11212:1 b']
const warningsOf = (...lines: string[]) => parseNutcracker(yml(...lines)).warnings.join('\n')

describe('a pool', () => {
  it('has the defaults of nutcracker', () => {
    expect(parseNutcracker(yml(...two)).pools).toEqual({
      alpha: {
        name: 'alpha',
        listen: '127.0.0.1:22121',
        compat: 'twemproxy',
        hash: 'fnv1a_64',
        distribution: 'ketama',
        backlog: 512,
        clientConnections: 0,
        tcpkeepalive: false,
        redis: false,
        redisDb: 0,
        preconnect: false,
        autoEjectHosts: false,
        serverConnections: 1,
        serverRetryTimeout: 30_000,
        serverFailureLimit: 2,
        servers: [
          { name: '10.0.0.1', host: '10.0.0.1', port: 11_211, weight: 1 },
          { name: 'b', host: '10.0.0.2', port: 11_212, weight: 1 },
        ],
      },
    })
  })

  it('has every value of the file, and its servers in the order of the file', () => {
    const { pools } = parseNutcracker(
      yml(
        'hash: murmur',
        'hash_tag: "{}"',
        'distribution: modula',
        'timeout: 400',
        'backlog: 1024',
        'client_connections: 7',
        'redis: true',
        'redis_auth: s3cret',
        'redis_db: 2',
        'tcpkeepalive: true',
        'preconnect: true',
        'auto_eject_hosts: true',
        'server_connections: 2',
        'server_retry_timeout: 2000',
        'server_failure_limit: 3',
        'servers:',
        ' - z:1:1',
        ' - a:1:2',
      ),
    )
    expect(pools.alpha).toMatchObject({
      hash: 'murmur',
      hashTag: '{}',
      distribution: 'modula',
      timeout: 400,
      backlog: 1024,
      clientConnections: 7,
      redis: true,
      redisAuth: 's3cret',
      redisDb: 2,
      tcpkeepalive: true,
      preconnect: true,
      autoEjectHosts: true,
      serverConnections: 2,
      serverRetryTimeout: 2000,
      serverFailureLimit: 3,
    })
    expect(pools.alpha?.servers.map(({ name }) => name)).toEqual(['z:1', 'a:1'])
  })

  it('makes a ring as it is, unknown fields and all', () => {
    const ring = createRing(parseNutcracker(yml('timeout: 400', ...two)).pools.alpha!)
    expect(ring.servers).toEqual([
      { name: '10.0.0.1', weight: 1 },
      { name: 'b', weight: 1 },
    ])
  })

  it('may have a name that objects know', () => {
    const { pools } = parseNutcracker('__proto__:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1\n')
    expect(Object.keys(pools)).toEqual(['__proto__'])
    expect(Object.getOwnPropertyDescriptor(pools, '__proto__')?.value.name).toBe('__proto__')
  })

  it('may have its list under any key, as in nutcracker', () => {
    const { pools } = parseNutcracker('a:\n  listen:\n  - 127.0.0.1:1\n  servers: b:1:1\n')
    expect(pools.a?.servers).toHaveLength(1)
  })
})

describe('a file is refused', () => {
  it.each([
    ['that is a list', '- a\n', 1, 1, /name of a pool/],
    ['that is one word', 'alpha\n', 1, 1, /name of a pool/],
    ['whose pool is empty', 'alpha:\nbeta:\n', 1, 6, /indented, beginning with 'listen:'/],
    [
      'with a directive misspelt',
      yml('sever_failure_limit: 1', ...two),
      3,
      3,
      /did you mean 'server_failure_limit'/,
    ],
    [
      'with a key that every object has',
      yml('constructor: 1', ...two),
      3,
      3,
      /'constructor' is unknown/,
    ],
    [
      'with a value twice',
      yml('timeout: 1', 'timeout: 2', ...two),
      4,
      3,
      /set twice.*first in line 3/,
    ],
    ['with an empty value', yml('hash: ""', ...two), 3, 9, /no value/],
    ['with keys below a key', yml('hash:', ' a: b', ...two), 4, 4, /too deeply|cannot hold keys/],
    ['with two lists', yml(...two, 'hash:', '- md5'), 6, 3, /only one list.*line 3/],
    ['without servers', yml('hash: md5'), 1, 1, /list of servers/],
    ['with a list but no server', yml('hash:', '- md5'), 1, 1, /has no servers/],
    ['without listen', 'alpha:\n  servers:\n  - a:1:1\n', 1, 1, /needs 'listen/],
    [
      'with two servers of one name',
      yml('servers:', '- a:1:1', '- a:1:2'),
      5,
      5,
      /called 'a:1', the other one in line 4/,
    ],
  ])('%s', (_what, text, line, column, problem) => {
    let message = ''
    try {
      parseNutcracker(text)
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidOptionError)
      message = (error as Error).message
    }
    expect(message).toMatch(problem)
    expect(message).toContain(`line ${line}, column ${column}: `)
  })

  it('that is no text', () => {
    expect(() => parseNutcracker(undefined as unknown as string)).toThrow(/got undefined/)
    expect(() => parseNutcracker(Buffer.from('a') as unknown as string)).toThrow(/got object/)
  })

  it('without ever showing a password', () => {
    let message = ''
    try {
      parseNutcracker(yml(`redis_auth: ${canary}`, ...two))
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toMatch(/needs 'redis: true'/)
    expect(message).not.toContain(canary)
  })
})

it('a pool that is printed does not show its password, and has it all the same', () => {
  const parsed = parseNutcracker(yml('redis: true', `redis_auth: ${canary}`, ...two))
  expect(inspect(parsed, { depth: 9, showHidden: true })).not.toContain(canary)
  expect(inspect(parsed, { depth: 9 })).toContain("redisAuth: '(not shown)'")
  const pool = parsed.pools.alpha!
  expect(pool.redisAuth).toBe(canary)
  expect({ ...pool }.redisAuth).toBe(canary)
  expect(createRing(pool).locate('a')).toBe(createRing({ ...pool }).locate('a'))
})

describe('a warning, with its pool and line,', () => {
  it('is not given for a good pool', () => {
    expect(warningsOf('hash: murmur', 'timeout: 400', ...two)).toBe('')
  })

  it.each([
    ['crc32 with ketama', ['hash: crc32'], /line 3: 'crc32' makes hashes of 15 bits/],
    ['the default hash', [], /line 1: 'fnv1a_64', the default, puts keys/],
    ['fnv1_64 chosen on purpose', ['hash: fnv1_64'], /line 3: 'fnv1_64' puts keys/],
    ['no timeout', [], /line 1: without a timeout/],
    ['timeout 0', ['timeout: 0'], /line 3: without a timeout/],
    [
      'random',
      ['distribution: random'],
      /line 3: with 'random' a read does not go where the write went/,
    ],
    [
      'modula that ejects',
      ['distribution: modula', 'auto_eject_hosts: true'],
      /line 4: with 'modula'/,
    ],
    ['client_connections', ['client_connections: 1'], /line 3: 'client_connections' has no effect/],
    ['redis_db without redis', ['redis_db: 1'], /line 3: 'redis_db' has no effect/],
    [
      'a number beyond 32 bits',
      ['timeout: 4294967297'],
      /line 3: 'timeout' does not fit 32 bits; nutcracker reads it as 1/,
    ],
  ])('is given for %s', (_what, lines, warning) => {
    expect(warningsOf(...lines, ...two)).toMatch(warning)
    expect(warningsOf(...lines, ...two)).toMatch(/^pool 'alpha', /)
  })

  it('is given for a server without a point on the ring', () => {
    expect(warningsOf('servers:', '- a:1:1', '- b:1:100000')).toMatch(
      /line 4: server 'a:1' gets no key: its weight 1 of 100001/,
    )
    expect(warningsOf('distribution: modula', 'servers:', '- a:1:1', '- b:1:100000')).not.toMatch(
      /no key/,
    )
  })

  it('is given for weights that random does not look at', () => {
    expect(warningsOf('distribution: random', 'servers:', '- a:1:1', '- b:1:2')).toMatch(
      /'random' does not look at weights/,
    )
  })

  it('is given for one server under two names', () => {
    expect(warningsOf('servers:', '- a:1:1 x', '- a:1:1 y')).toMatch(
      /line 5: servers 'x' and 'y' are the same server/,
    )
  })
})
