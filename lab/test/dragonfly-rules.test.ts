import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type DragonflyRules, dragonflyMaxTtlMs, dragonflyRules } from '../src/dragonfly-rules.ts'
import { type RedisServer, startRedis } from '../src/redis-server.ts'
import { decodeReply, encodeCommand, frameEnd, type Reply } from '../src/resp.ts'
import { startRuledRedis } from '../src/ruled-redis.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** Asks a server with the rules, one command after the other. */
async function ask(...commands: readonly (readonly string[])[]): Promise<Reply[]> {
  return askWith({}, ...commands)
}

async function askWith(
  options: DragonflyRules,
  ...commands: readonly (readonly string[])[]
): Promise<Reply[]> {
  const ruled = await startRuledRedis(server.port, dragonflyRules(options))
  const socket = connect(ruled.port, '127.0.0.1')
  onTestFinished(async () => {
    socket.destroy()
    await ruled.stop()
  })
  const replies: Reply[] = []
  for (const command of commands) {
    socket.write(encodeCommand([...command]))
    let received: Buffer = Buffer.alloc(0)
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      received = Buffer.concat([received, chunk as Buffer])
      if (frameEnd(received) > 0) break
    }
    replies.push(decodeReply(received))
  }
  return replies
}

const said = (reply: Reply | undefined) => (reply instanceof Error ? reply.message : reply)

describe('a server with the rules of Dragonfly refuses', () => {
  test.each([
    [
      'a key that a script does not declare',
      ['EVAL', "return redis.call('GET', 'a')", '0'],
      'undeclared key',
    ],
    [
      'a key beyond those declared',
      ['EVAL', "return redis.call('GET', KEYS[2])", '1', 'a'],
      'undeclared key',
    ],
    [
      'a key given as an argument',
      ['EVAL', "return redis.call('GET', ARGV[1])", '1', 'a', 'b'],
      'undeclared key',
    ],
    ['a script with a shebang', ['EVAL', '#!lua flags=no-writes\nreturn 1', '0'], 'syntax error'],
    ['what only Lua 5.1 has', ['EVAL', 'return unpack(ARGV)', '0', 'a'], 'nil value'],
    ['OBJECT', ['OBJECT', 'ENCODING', 'a'], 'unknown command'],
    ['SWAPDB', ['SWAPDB', '0', '1'], 'unknown command'],
    ['HPEXPIRE', ['HPEXPIRE', 'a', '1', 'FIELDS', '1', 'b'], 'unknown command'],
    ['ASKING', ['ASKING'], 'unknown command'],
    ['SET with IFEQ', ['SET', 'a', 'b', 'IFEQ', 'c'], 'syntax error'],
    [
      'another policy of eviction',
      ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'],
      'Unsupported',
    ],
    [
      'other keyspace events than Ex',
      ['CONFIG', 'SET', 'notify-keyspace-events', 'KEA'],
      'Unsupported',
    ],
    ['tracking by prefix', ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a'], 'syntax error'],
    [
      'tracking for another connection',
      ['CLIENT', 'TRACKING', 'ON', 'REDIRECT', '1'],
      'syntax error',
    ],
  ])('%s', async (_, command, words) => {
    const [reply] = await ask(command)
    expect(reply).toBeInstanceOf(Error)
    expect(said(reply)).toContain(words)
  })

  test('a script by its hash as by its text', async () => {
    const text = "return redis.call('GET', KEYS[1])"
    const sha = 'd3c21d0c2b9ca22f82737626a27bcaf5d288f99f'
    const [declared, byHash, without] = await ask(
      ['EVAL', text, '1', 'nothing'],
      ['EVALSHA', sha, '1', 'nothing'],
      ['EVALSHA', sha, '0'],
    )
    expect([declared, byHash]).toEqual([null, null])
    expect(said(without)).toContain('undeclared key')
  })

  test('every write without memory left, in its own words, and reads go on', async () => {
    const full = { isFull: () => true }
    const [set, script, read] = await askWith(
      full,
      ['SET', 'a', 'b'],
      ['EVAL', "return redis.call('SET', KEYS[1], 'b')", '1', 'a'],
      ['GET', 'nothing'],
    )
    expect([said(set), said(script), read]).toEqual(['Out of memory', 'Out of memory', null])
  })

  test('the plain way of publishing, and another database, with cluster_mode=yes alone', async () => {
    const commands = [
      ['PUBLISH', 'a', 'b'],
      ['SELECT', '1'],
      ['SPUBLISH', 'a', 'b'],
    ]
    expect((await ask(...commands)).map(said)).toEqual([0, 'OK', 0])
    const [published, selected, sharded] = await askWith({ cluster: 'yes' }, ...commands)
    expect(said(published)).toContain('not supported in cluster mode')
    expect(said(selected)).toContain('not allowed in cluster mode')
    expect(sharded).toBe(0)
  })
})

describe('a server with the rules of Dragonfly takes', () => {
  test('SET with NX, PX and GET, and a time to live of a week as it is', async () => {
    const week = ['SET', 'week', 'a', 'NX', 'PX', '604800000', 'GET']
    const [first, second, ttl] = await ask(week, week, ['PTTL', 'week'])
    expect([first, second]).toEqual([null, 'a'])
    expect(Number(ttl)).toBeGreaterThan(604_700_000)
  })

  test('a time to live beyond its longest as its longest, without a word', async () => {
    const [set, ttl, expired, again] = await ask(
      ['SET', 'long', 'a', 'PX', `${10 * dragonflyMaxTtlMs}`],
      ['PTTL', 'long'],
      ['PEXPIRE', 'long', `${20 * dragonflyMaxTtlMs}`],
      ['PTTL', 'long'],
    )
    expect([set, expired]).toEqual(['OK', 1])
    for (const each of [ttl, again]) {
      expect(Number(each)).toBeLessThanOrEqual(dragonflyMaxTtlMs)
      expect(Number(each)).toBeGreaterThan(dragonflyMaxTtlMs - 60_000)
    }
  })

  test('commands over several slots on the one node of its cluster', async () => {
    const [slots, many] = await ask(['CLUSTER', 'SLOTS'], ['MSET', 'a', '1', 'b', '2'])
    expect(slots).toMatchObject([[0, 16_383, ['127.0.0.1', expect.any(Number), 'node']]])
    expect(many).toBe('OK')
  })
})
