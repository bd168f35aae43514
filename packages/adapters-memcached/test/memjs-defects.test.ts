import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import { StoreError } from '@holdfast/core'
import { backgroundClock } from '@holdfast/core/adapter'
import { canarySecret } from '@holdfast/lab/canary'
import {
  answerGets,
  type FakeConnection,
  type FakeRequest,
  type FakeScript,
  fakeReply,
  startFakeMemcached,
} from '@holdfast/lab/fake-memcached'
import { type MemcachedServerOptions, startMemcached } from '@holdfast/lab/memcached-server'
import { Client } from 'memjs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  commandTimeoutMs,
  kindOf,
  openDriver,
  openPlainMemjs,
  outcome,
  soon,
  textOf,
  watchLag,
} from './open-driver.ts'

/** Every defect is shown on memjs as it comes, and then looked for in the driver, by the same script. */
async function fake(script: FakeScript) {
  const server = await startFakeMemcached(script)
  onTestFinished(() => server.stop())
  return server
}

async function real(options: MemcachedServerOptions = {}) {
  const server = await startMemcached(options)
  onTestFinished(async () => {
    // It would take a second to end in order.
    await server.kill()
    await server.stop()
  })
  return server
}

const isGet = ({ opcode }: FakeRequest) => opcode === 0x00 || opcode === 0x0c || opcode === 0x0d
const value = (key: string) => `value of ${key}`.padEnd(100)

/** The reply to a get of 100 bytes, as far as it comes before the connection dies. */
const halfReply = (request: FakeRequest) =>
  fakeReply(request, { value: Buffer.alloc(100, 'o') }).subarray(0, 24 + 4 + 50)

/** Resets the first connection in the middle of a reply; all others answer as they should. */
const cutOnce: FakeScript = (request, connection) => {
  if (connection.index > 0) return answerGets(request, connection, value)
  if (!isGet(request)) return
  connection.write(halfReply(request))
  setTimeout(() => connection.reset(), 20)
}

describe('1: a FIN while a request is in flight', () => {
  const script: FakeScript = (request, connection) => {
    if (connection.index > 0) answerGets(request, connection, value)
    else connection.end()
  }

  test('leaves a call of memjs pending for ever', async () => {
    const client = openPlainMemjs((await fake(script)).port)
    expect(await outcome(client.get('a'), 1_500)).toEqual({ pending: true })
  })

  test('is told to the call at once, and the next one is answered', async () => {
    const driver = openDriver((await fake(script)).port)
    const { error } = await outcome(driver.get('a'))
    expect(kindOf(error)).toBe('unavailable')
    expect(textOf(await driver.get('a'))).toBe(value('a'))
  })
})

describe('2: half a reply of a dead connection', () => {
  test('is joined by memjs with the bytes of the next one, and handed out as a value', async () => {
    const client = openPlainMemjs((await fake(cutOnce)).port, { retries: 2 })
    const { value: found } = await outcome(client.get('a'))
    const bytes = (found as { value: Buffer }).value
    expect(bytes.subarray(0, 50).toString()).toBe('o'.repeat(50))
    expect(bytes.toString()).not.toBe(value('a'))
  })

  test('dies with it', async () => {
    const driver = openDriver((await fake(cutOnce)).port)
    expect(kindOf((await outcome(driver.get('a'))).error)).toBe('unavailable')
    expect(textOf(await driver.get('a'))).toBe(value('a'))
  })
})

describe('3: one truncated reply', () => {
  test('keeps memjs from ever reading a right one again', async () => {
    const client = openPlainMemjs((await fake(cutOnce)).port)
    await outcome(client.get('a'))
    for (const key of ['b', 'c', 'd']) {
      const { value: found } = await outcome(client.get(key), 400)
      expect((found as { value: Buffer } | undefined)?.value?.toString()).not.toBe(value(key))
    }
  })

  test('is over with its connection', async () => {
    const driver = openDriver((await fake(cutOnce)).port)
    await outcome(driver.get('a'))
    for (const key of ['b', 'c', 'd']) expect(textOf(await driver.get(key))).toBe(value(key))
  })
})

describe('4: a server that hangs under steady traffic', () => {
  const everyMs = 50
  const calls = 16

  test('is never timed out by memjs, whose timer every write sets back', async () => {
    const client = openPlainMemjs((await fake(() => {})).port)
    let settled = 0
    for (let call = 0; call < calls; call++) {
      client.get('a').then(
        () => settled++,
        () => settled++,
      )
      await soon(everyMs)
    }
    expect(settled).toBe(0)
  })

  test('costs each call its deadline', async () => {
    const driver = openDriver((await fake(() => {})).port)
    const lag = watchLag()
    const times: Promise<number>[] = []
    for (let call = 0; call < calls; call++) {
      const startedAt = performance.now()
      times.push(driver.get('a').catch(() => performance.now() - startedAt) as Promise<number>)
      await soon(everyMs)
    }
    expect(Math.max(...(await Promise.all(times)))).toBeLessThan(
      commandTimeoutMs + lag.allowanceMs(),
    )
  })
})

describe('5: the 2^31st operation', () => {
  test('and all after it throw in memjs', async () => {
    const server = await real()
    const client = openPlainMemjs(server.port)
    client.seq = 2 ** 31 - 2
    await client.get('a')
    expect(kindOf((await outcome(client.get('a'))).error)).toContain('RangeError')
  })

  test.each([2 ** 31, 2 ** 32])('passes like any other, %i', async (boundary) => {
    const server = await real()
    const random = () => (boundary - 3) / 2 ** 32
    const driver = openDriver(server.port, { clock: { ...backgroundClock, random } })
    await driver.set('a', Buffer.from('1'), 0)
    for (let call = 0; call < 8; call++) expect(textOf(await driver.get('a'))).toBe('1')
  })
})

describe('6: the reply that comes after its deadline on a connection that was given up', () => {
  /** The first connection answers after 700 ms; the second one not at all, the others at once. */
  const late: FakeScript = (request, connection) => {
    if (connection.index === 0) {
      setTimeout(() => answerGets(request, connection, () => 'late'), 700)
    } else if (connection.index > 1) answerGets(request, connection, value)
  }

  test('is read by memjs as that of the next connection', async () => {
    const client = openPlainMemjs((await fake(late)).port, { retries: 2, timeout: 0.3 })
    const { value: found } = await outcome(client.get('a'))
    expect((found as { value: Buffer }).value.toString()).toBe('late')
  })

  test('is never read, since the connection is destroyed and not merely ended', async () => {
    const connections: FakeConnection[] = []
    const server = await fake((request, connection) => {
      connections[connection.index] = connection
      if (connection.index === 0) {
        late(request, connection)
        // What the late reply met on the other side shows in the write after it.
        setTimeout(() => connection.write('more'), 800)
      } else setTimeout(() => answerGets(request, connection, value), 120)
    })
    const driver = openDriver(server.port)
    expect(kindOf((await outcome(driver.get('a'))).error)).toBe('timeout')
    for (let call = 0; call < 5; call++) expect(textOf(await driver.get('a'))).toBe(value('a'))
    // Where the other side is merely ended, it could still be written to.
    await expect.poll(() => connections[0]!.closed, { timeout: 2_000 }).toBe(true)
    await expect.poll(() => server.standing, { timeout: 2_000 }).toBe(1)
  })
})

describe('7: a value that a serializer cannot read', () => {
  test('ends a process with memjs, as an exception that nobody can catch', async () => {
    const server = await real()
    const script = `
      const { Client } = require('memjs')
      let uncaught = 0
      process.on('uncaughtException', () => uncaught++)
      const serializer = { serialize: (opcode, value, extras) => ({ value, extras }), deserialize() { throw new Error('no') } }
      const client = Client.create('127.0.0.1:${server.port}', { serializer, timeout: 0.2, retries: 1, logger: { log() {} } })
      client.set('a', '1', {}).then(() => client.get('a')).catch(() => {})
      setTimeout(() => { console.log(uncaught); process.exit() }, 500)`
    const cwd = join(dirname(fileURLToPath(import.meta.url)), '..')
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { cwd })
    expect(Number(stdout)).toBeGreaterThan(0)
  })

  test('cannot be met: the driver hands out the bytes and reads nothing into them', async () => {
    const server = await real()
    const driver = openDriver(server.port)
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await driver.set('a', bytes, 0, 0xffff_ffff)
    expect(await driver.get('a')).toMatchObject({ flags: 0xffff_ffff })
    expect(Buffer.from(bytes).equals((await driver.get('a'))!.bytes)).toBe(true)
  })
})

describe('8: a key that is empty or longer than 250 bytes', () => {
  test.each(['', 'k'.repeat(251)])(
    'fails the calls beside it in memjs, or has them hang',
    async (key) => {
      const client = openPlainMemjs((await real()).port)
      await client.get('a')
      const [, beside] = await Promise.all([outcome(client.get(key)), outcome(client.get('a'))])
      expect(beside).not.toHaveProperty('value')
    },
  )

  test.each(['', 'k'.repeat(251)])(
    'is refused before it costs others their connection',
    async (key) => {
      const server = await real()
      const driver = openDriver(server.port)
      await driver.set('a', Buffer.from('1'), 0)
      const all = [driver.get('a'), driver.get(key), driver.getMany(['a', key]), driver.get('a')]
      const [one, refused, many, other] = await Promise.allSettled(all)
      expect(one).toMatchObject({ status: 'fulfilled' })
      expect(other).toMatchObject({ status: 'fulfilled' })
      expect(kindOf((refused as PromiseRejectedResult).reason)).toBe('invalid-key')
      expect(kindOf((many as PromiseRejectedResult).reason)).toBe('invalid-key')
    },
  )
})

describe('9: commands that do another thing', () => {
  test('memjs appends where it is told to prepend', async () => {
    const server = await real()
    const client = openPlainMemjs(server.port)
    await client.set('a', 'B', {})
    await client.prepend('a', 'A')
    expect((await client.get('a')).value?.toString()).toBe('BA')
  })

  test('every request of the driver is its own, and does what it says', async () => {
    const driver = openDriver((await real()).port)
    const bytes = (text: string) => Buffer.from(text)
    await driver.set('a', bytes('1'), 0)
    expect(await driver.add('a', bytes('2'), 0)).toBe(false)
    expect(textOf((await driver.addOrGet('a', bytes('2'), 0)) as never)).toBe('1')
    expect(await driver.addOrGet('b', bytes('2'), 0)).toBe('stored')
    const { cas } = (await driver.get('a'))!
    expect(await driver.compareAndSet('a', bytes('3'), 0, cas)).toBe('stored')
    expect(await driver.compareAndSet('a', bytes('4'), 0, cas)).toBe('exists')
    expect(await driver.compareAndSet('none', bytes('4'), 0, cas)).toBe('missing')
    expect((await driver.getMany(['b', 'none', 'a', 'b'])).map(textOf)).toEqual([
      '2',
      undefined,
      '3',
      '2',
    ])
    expect([await driver.delete('a'), await driver.delete('a')]).toEqual([true, false])
    expect([await driver.touch('b', 9), await driver.touch('a', 9)]).toEqual([true, false])
    expect((await driver.stats()).get('cmd_touch')).toBe('2')
    expect((await driver.stats('settings')).get('item_size_max')).toBe('1048576')
    expect((await driver.stats('nonsense')).size).toBe(0)
    expect(await driver.version()).toMatch(/^\d+\.\d+/)
  })
})

describe('10: lifetimes', () => {
  test('memjs keeps for ever what should live 0.4 s, throws at what is over, and loses 31 days', async () => {
    const client = openPlainMemjs((await real()).port)
    await client.set('short', '1', { expires: 0.4 })
    await soon(1_500)
    expect((await client.get('short')).value?.toString()).toBe('1')
    const { error } = await outcome(client.set('over', '1', { expires: -1 }))
    expect(kindOf(error)).toContain('RangeError')
    await client.set('long', '1', { expires: 31 * 24 * 3600 })
    expect((await client.get('long')).value).toBe(null)
  })

  test('the driver sends the number that it is given, of seconds or of a Unix time', async () => {
    const driver = openDriver((await real()).port)
    await driver.set('short', Buffer.from('1'), 1)
    await driver.set('long', Buffer.from('1'), Math.ceil(Date.now() / 1_000) + 31 * 24 * 3600)
    await soon(2_100)
    expect(await driver.get('short')).toBe(undefined)
    expect(textOf(await driver.get('long'))).toBe('1')
  })
})

test('11: large values cost memjs the square of their size, and the driver no more than their size', async () => {
  const server = await real({ args: ['-I', '16m', '-m', '128'] })
  const plain = openPlainMemjs(server.port, { timeout: 5 })
  const driver = openDriver(server.port, { commandTimeoutMs: 5_000 })
  await driver.set('large', Buffer.alloc(4 * 1024 * 1024, 'x'), 0)
  const cpuOf = async (read: () => Promise<unknown>) => {
    let least = Number.POSITIVE_INFINITY
    for (let turn = 0; turn < 3; turn++) {
      const before = process.cpuUsage()
      await read()
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, user + system)
    }
    return least
  }
  const ofPlain = await cpuOf(() => plain.get('large'))
  const ofDriver = await cpuOf(() => driver.get('large'))
  // Measured at 4 MiB: 11 to 1 and more. Larger ones would take memjs half a minute on a busy machine.
  expect(ofDriver * 3).toBeLessThan(ofPlain)
})

test('12: a small value of memjs holds on to all that was received with it; the driver copies it out', async () => {
  const server = await real()
  const plain = openPlainMemjs(server.port)
  const driver = openDriver(server.port)
  const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`)
  for (const key of keys) await driver.set(key, Buffer.alloc(100, key), 0)
  const pinned = await Promise.all(keys.map((key) => plain.get(key)))
  expect(Math.max(...pinned.map((item) => item.value!.buffer.byteLength))).toBeGreaterThan(1_000)
  const own = [
    ...(await driver.getMany(keys)),
    ...(await Promise.all(keys.map((k) => driver.get(k)))),
  ]
  expect(own.every((item) => item!.bytes.buffer.byteLength === 100)).toBe(true)
})

describe('13: a login', () => {
  const users = { anna: canarySecret('anna') }

  test('that is refused is a string in memjs, and without one every second call hangs', async () => {
    const server = await real({ users })
    const wrong = openPlainMemjs(server.port, { username: 'anna', password: canarySecret('wrong') })
    expect(typeof (await outcome(wrong.get('a'))).error).toBe('string')
    const without = openPlainMemjs(server.port)
    const ends = [await outcome(without.get('a')), await outcome(without.get('a'))]
    expect(ends.some(({ pending }) => pending)).toBe(true)
  })

  test('that is refused is an error which names the options and not the secret', async () => {
    const server = await real({ users })
    const credentials = { username: 'anna', password: canarySecret('wrong') }
    const driver = openDriver(server.port, { credentials })
    for (let call = 0; call < 3; call++) {
      const { error } = await outcome(driver.get('a'), 2_000)
      expect(error).toBeInstanceOf(StoreError)
      expect(kindOf(error)).toBe('auth')
      expect((error as Error).message).toContain('check username and password')
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(canarySecret('wrong'))
    }
    const without = openDriver(server.port)
    const { error } = await outcome(without.get('a'), 2_000)
    expect((error as Error).message).toContain('set username and password')
  })
})

describe('14: a request whose connection is reset', () => {
  test('is sent again by memjs, whatever it may have done already', async () => {
    let adds = 0
    const { port } = await fake((_, connection) => {
      adds++
      connection.reset()
    })
    await outcome(openPlainMemjs(port, { retries: 2 }).set('a', '1', {}))
    expect(adds).toBe(2)
  })

  test('is sent once', async () => {
    let adds = 0
    const { port } = await fake((_, connection) => {
      adds++
      connection.reset()
    })
    const driver = openDriver(port)
    expect(kindOf((await outcome(driver.add('a', Buffer.from('1'), 0))).error)).toBe('unavailable')
    await soon(300)
    expect(adds).toBe(1)
  })
})

describe('15: the console and the environment', () => {
  const opcodesSeen = async (use: (port: number) => Promise<unknown>) => {
    const opcodes = new Set<number>()
    const { port } = await fake((request, connection) => {
      opcodes.add(request.opcode)
      connection.reset()
    })
    vi.stubEnv('MEMCACHE_USERNAME', 'somebody')
    vi.stubEnv('MEMCACHE_PASSWORD', 'else')
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    onTestFinished(() => {
      vi.unstubAllEnvs()
      log.mockRestore()
    })
    await outcome(use(port))
    return { opcodes, logged: log.mock.calls.length }
  }

  test('are used by memjs', async () => {
    const { opcodes, logged } = await opcodesSeen((port) =>
      openPlainMemjs(port, { logger: console }).get('a'),
    )
    expect(opcodes.has(0x20)).toBe(true)
    expect(logged).toBeGreaterThan(0)
  })

  test('are left alone', async () => {
    const { opcodes, logged } = await opcodesSeen((port) => openDriver(port).get('a'))
    expect([...opcodes]).toEqual([0x0c])
    expect(logged).toBe(0)
  })
})

test('16: memjs cannot place a key of bytes among several servers; a driver has one server and places nothing', async () => {
  const servers = [await real(), await real()]
  const addresses = servers.map((server) => server.address).join()
  const client = Client.create(addresses, { logger: { log: () => {} }, retries: 1 })
  onTestFinished(() => client.close())
  expect((await outcome(client.get(Buffer.from('a')))).error).toBeInstanceOf(TypeError)
  const drivers = servers.map((server) => openDriver(server.port))
  for (const [index, driver] of drivers.entries()) {
    await driver.set('a', Buffer.from(`${index}`), 0)
  }
  expect(await Promise.all(drivers.map(async (d) => textOf(await d.get('a'))))).toEqual(['0', '1'])
})

describe('17: more requests than a server can answer', () => {
  test('are all taken by memjs', async () => {
    const client = openPlainMemjs((await fake(() => {})).port, { timeout: 5 })
    const taken = Array.from({ length: 20_000 }, () => outcome(client.set('a', 'x', {}), 100))
    expect((await Promise.all(taken)).every(({ pending }) => pending)).toBe(true)
  })

  test('are refused at once beyond a number, and beyond a number of bytes', async () => {
    const { port } = await fake(() => {})
    const counted = openDriver(port, { maxPending: 100 })
    const set = (driver: typeof counted, bytes: number) =>
      outcome(driver.set('a', Buffer.alloc(bytes), 0), 100)
    const many = await Promise.all(Array.from({ length: 150 }, () => set(counted, 1)))
    expect(many.filter(({ error }) => kindOf(error) === 'overloaded')).toHaveLength(50)
    const weighed = openDriver(port, { maxPendingBytes: 100_000 })
    const large = await Promise.all(Array.from({ length: 20 }, () => set(weighed, 9_960)))
    expect(large.filter(({ error }) => kindOf(error) === 'overloaded')).toHaveLength(10)
  })
})
