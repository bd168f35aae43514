import { execFile } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ClosedError } from '@holdfast/core'
import {
  answerGets,
  type FakeScript,
  fakeReply,
  startFakeMemcached,
} from '@holdfast/lab/fake-memcached'
import { type FaultProxyOptions, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { type Scenario, scenarios } from '@holdfast/lab/fault-scenarios'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { MemjsDriver } from '../src/memjs-driver.ts'
import {
  commandTimeoutMs,
  kindOf,
  openDriver,
  outcome,
  soon,
  textOf,
  watchLag,
} from './open-driver.ts'

async function real(args: readonly string[] = []): Promise<MemcachedServer> {
  const server = await startMemcached({ args })
  onTestFinished(async () => {
    await server.kill()
    await server.stop()
  })
  return server
}

async function behindProxy(server: MemcachedServer, scenario: Scenario = {}) {
  const options: FaultProxyOptions = {
    upstream: { port: server.port },
    framing: 'memcached-binary',
    scenario,
  }
  const proxy = await startFaultProxy(options)
  onTestFinished(() => proxy.stop())
  return proxy
}

async function fake(script: FakeScript) {
  const server = await startFakeMemcached(script)
  onTestFinished(() => server.stop())
  return server
}

const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)
/** Long enough for replies to come in several pieces. */
const value = (key: string) => `value of ${key}, `.repeat(40)

async function fill(port: number): Promise<void> {
  const driver = openDriver(port)
  await Promise.all(keys.map((key) => driver.set(key, Buffer.from(value(key)), 0)))
  await driver.close()
}

interface Tally {
  right: number
  wrong: number
  readonly kinds: Set<string>
  slowestMs: number
}

/** Readers that ask one key after the other, or several at once, until `until` holds. */
async function traffic(driver: MemjsDriver, readers: number, until: (tally: Tally) => boolean) {
  const tally: Tally = { right: 0, wrong: 0, kinds: new Set(), slowestMs: 0 }
  const judge = (key: string, found: string | undefined) => {
    if (found === value(key)) tally.right++
    else if (found !== undefined) tally.wrong++
  }
  const reader = async (first: number) => {
    for (let turn = first; !until(tally); turn += 7) {
      const key = keys[turn % keys.length]!
      const startedAt = performance.now()
      try {
        if (turn % 3 === 0) {
          const several = [key, 'never-set', keys[(turn * 31) % keys.length]!]
          const found = await driver.getMany(several)
          for (const [index, each] of several.entries()) judge(each, textOf(found[index]))
        } else judge(key, textOf(await driver.get(key)))
      } catch (error) {
        tally.kinds.add(kindOf(error))
        // As a caller would that has something else to do.
        await soon(1)
      }
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: readers }, (_, index) => reader(index)))
  return tally
}

/** Reads until an answer is right; answers how many were errors before. */
async function untilRight(driver: MemjsDriver, withinMs: number): Promise<number> {
  const endsAt = performance.now() + withinMs
  for (let errors = 0; ; errors++) {
    const { value: item } = await outcome(driver.get('key-1'))
    if (textOf(item as never) === value('key-1')) return errors
    expect(item).toBe(undefined)
    if (performance.now() > endsAt) throw new Error(`no right answer after ${errors} errors`)
    await soon(10)
  }
}

describe('an operation settles by its deadline, and the next one is right', () => {
  test('when the server is stopped under traffic', async () => {
    const server = await real()
    await fill(server.port)
    const driver = openDriver(server.port)
    const lag = watchLag()
    let isOver = false
    const reading = traffic(driver, 20, () => isOver)
    await soon(200)
    server.pause()
    await soon(1_200)
    server.resume()
    await untilRight(driver, 2_000)
    isOver = true
    const tally = await reading
    expect(tally.wrong).toBe(0)
    expect(tally.right).toBeGreaterThan(0)
    expect(tally.kinds).toContain('timeout')
    expect(tally.slowestMs).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
  })

  test('when connections are reset', async () => {
    const server = await real()
    await fill(server.port)
    const proxy = await behindProxy(server)
    const driver = openDriver(proxy.port)
    const lag = watchLag()
    let isOver = false
    const reading = traffic(driver, 20, () => isOver)
    for (let turn = 0; turn < 10; turn++) {
      await soon(50)
      proxy.resetAll()
    }
    await untilRight(driver, 1_000)
    isOver = true
    const tally = await reading
    expect(tally.wrong).toBe(0)
    const kinds = [...tally.kinds].filter((kind) => kind !== 'timeout' || !lag.wasBlocked())
    expect(kinds).toEqual(['unavailable'])
    expect(tally.slowestMs).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
  })

  test('when the server ends the connection with replies in flight', async () => {
    const server = await fake((request, connection) => {
      if (connection.index === 0 && request.key === 'key-3') connection.end()
      else if (connection.index > 0 || !connection.closed) answerGets(request, connection, value)
    })
    const driver = openDriver(server.port)
    const ends = await Promise.all(
      ['key-1', 'key-2', 'key-3', 'key-4'].map((key) => outcome(driver.get(key))),
    )
    // What had come before the end is kept.
    expect(
      ends.map((end) => ('value' in end ? textOf(end.value as never) : kindOf(end.error))),
    ).toEqual([value('key-1'), value('key-2'), 'unavailable', 'unavailable'])
    expect(textOf(await driver.get('key-4'))).toBe(value('key-4'))
  })

  test('when the server is killed in the middle of large values, again and again', async () => {
    const server = await real(['-I', '2m'])
    const driver = openDriver(server.port, { commandTimeoutMs: 1_000 })
    const lag = watchLag()
    const large = Buffer.alloc(900_000, 'large')
    const names = Array.from({ length: 20 }, (_, index) => `large-${index}`)
    for (let round = 0; round < 4; round++) {
      await untilStored(driver, names, large)
      const reads = names.map((name) => {
        const startedAt = performance.now()
        return outcome(driver.get(name), 3_000).then((end) => ({
          ...end,
          tookMs: performance.now() - startedAt,
        }))
      })
      await soon(round * 3)
      await server.kill()
      for (const end of await Promise.all(reads)) {
        expect(end.pending).toBe(undefined)
        expect(end.tookMs).toBeLessThan(1_000 + lag.allowanceMs())
        const found = (end.value as { bytes: Uint8Array } | undefined)?.bytes
        if (found !== undefined) expect(large.equals(found)).toBe(true)
      }
      await server.restart()
    }
    await untilStored(driver, names, large)
    expect(large.equals((await driver.get('large-7'))!.bytes)).toBe(true)
  })

  test('when a reply comes one byte per 100 ms', async () => {
    const server = await real()
    await fill(server.port)
    const proxy = await behindProxy(server)
    const driver = openDriver(proxy.port)
    await driver.get('key-1')
    proxy.use({ toClient: { slice: { bytes: 1, pauseMs: 100 } } })
    const lag = watchLag()
    for (let call = 0; call < 5; call++) {
      const startedAt = performance.now()
      const { error } = await outcome(driver.get('key-1'))
      expect(error).toBeDefined()
      expect(performance.now() - startedAt).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
    }
    proxy.use(scenarios.healthy)
    await untilRight(driver, 2_000)
  })

  test('when one reply is lost, which the next reply tells', async () => {
    let lost = false
    const server = await fake((request, connection) => {
      if (request.opcode === 0x04 && !lost) lost = true
      else answerGets(request, connection, value)
    })
    const driver = openDriver(server.port)
    const lag = watchLag()
    const startedAt = performance.now()
    const ends = await Promise.all([
      // All of a kind: nothing but their numbers tells their replies apart.
      outcome(driver.delete('key-1')),
      outcome(driver.delete('key-2')),
      outcome(driver.delete('key-3')),
    ])
    expect(ends.map(({ error }) => kindOf(error))).toEqual(['protocol', 'protocol', 'protocol'])
    // Their kind tells that no deadline has ended them.
    expect(performance.now() - startedAt).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
    expect(await driver.delete('key-1')).toBe(true)
    expect(server.accepted).toBe(2)
  })

  test('when one reply is lost, and no other is waited for', async () => {
    const server = await real()
    await fill(server.port)
    const proxy = await behindProxy(server)
    const driver = openDriver(proxy.port)
    await driver.get('key-1')
    const lag = watchLag()
    proxy.use(scenarios.lostReply)
    const startedAt = performance.now()
    const { error } = await outcome(driver.delete('key-2'))
    expect(kindOf(error)).toBe('timeout')
    expect(performance.now() - startedAt).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
    proxy.use(scenarios.healthy)
    expect(textOf(await driver.get('key-1'))).toBe(value('key-1'))
  })
})

async function untilStored(driver: MemjsDriver, names: readonly string[], bytes: Uint8Array) {
  for (const name of names) {
    for (let turn = 0; ; turn++) {
      const { error } = await outcome(driver.set(name, bytes, 0), 3_000)
      if (error === undefined) break
      if (turn > 200) throw error
      await soon(20)
    }
  }
}

describe('bytes that are no reply', () => {
  const bogusLength = Buffer.from(
    fakeReply({ opcode: 0, opaque: 0, key: '', value: Buffer.alloc(0) }),
  )
  bogusLength.writeUInt32BE(0xffff_fff0, 8)
  const contradiction = Buffer.from(bogusLength)
  contradiction.writeUInt32BE(3, 8)
  contradiction[4] = 200

  test.each([
    ['garbage', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['zeros', Buffer.alloc(64)],
    ['a length that nobody would send', bogusLength],
    ['lengths that contradict each other', contradiction],
  ])('end the connection at once: %s', async (_, bytes) => {
    const server = await fake((request, connection) => {
      if (connection.index === 0) connection.write(bytes)
      else answerGets(request, connection, value)
    })
    const driver = openDriver(server.port)
    const ends = await Promise.all([outcome(driver.get('a')), outcome(driver.delete('b'))])
    expect(ends.map(({ error }) => kindOf(error))).toEqual(['protocol', 'protocol'])
    expect(textOf(await driver.get('a'))).toBe(value('a'))
  })

  test('end it also when they come unasked, and do no harm to the next one', async () => {
    const server = await fake((request, connection) => {
      answerGets(request, connection, value)
      const unasked = { opcode: 0, opaque: 1, key: '', value: Buffer.alloc(0) }
      if (connection.index === 0) {
        connection.write(fakeReply(unasked, { value: 'unasked' }))
      }
    })
    const driver = openDriver(server.port)
    expect(textOf(await driver.get('a'))).toBe(value('a'))
    await soon(30)
    expect(textOf(await driver.get('a'))).toBe(value('a'))
    expect(server.accepted).toBe(2)
  })

  test('and a value under another key than the one asked for are never handed out', async () => {
    const server = await fake((request, connection) => {
      if (request.opcode === 0x0c || request.opcode === 0x0d) {
        connection.write(fakeReply(request, { key: 'another', value: 'of another' }))
      } else answerGets(request, connection, value)
    })
    const driver = openDriver(server.port)
    expect(kindOf((await outcome(driver.get('a'))).error)).toBe('protocol')
    expect(kindOf((await outcome(driver.getMany(['a', 'b']))).error)).toBe('protocol')
  })
})

test('an operation that could not be written by its deadline is never written', async () => {
  const server = await real()
  // The connection is there after the deadline, and before it is given up.
  const proxy = await behindProxy(server, { toClient: { latencyMs: 350 } })
  proxy.record(true)
  const driver = openDriver(proxy.port, { connectTimeoutMs: 2_000 })
  expect(kindOf((await outcome(driver.set('ghost', Buffer.from('1'), 0))).error)).toBe('timeout')
  await soon(300)
  proxy.use(scenarios.healthy)
  await driver.set('alive', Buffer.from('1'), 0)
  expect(proxy.accepted).toBe(1)
  expect(proxy.recorded.includes('alive')).toBe(true)
  expect(proxy.recorded.includes('ghost')).toBe(false)
})

test('a server that is away costs nothing after the first tries, and is found again', async () => {
  const server = await real()
  await fill(server.port)
  const driver = openDriver(server.port)
  await driver.get('key-1')
  await server.kill()
  await outcome(driver.get('key-1'))
  const lag = watchLag()
  const startedAt = performance.now()
  const ends = await Promise.all(Array.from({ length: 100 }, () => outcome(driver.get('key-1'))))
  expect(ends.every(({ error }) => kindOf(error) === 'unavailable')).toBe(true)
  expect(performance.now() - startedAt).toBeLessThan(lag.allowanceMs())
  await server.restart()
  await fill(server.port)
  expect(await untilRight(driver, 3_000)).toBeGreaterThanOrEqual(0)
})

test('a server that does not answer at all costs one deadline, and few connections', async () => {
  const server = await real()
  const proxy = await behindProxy(server, scenarios.blackHole)
  const driver = openDriver(proxy.port)
  await outcome(driver.get('key-1'))
  const lag = watchLag()
  const times: number[] = []
  const endsAt = performance.now() + 1_500
  while (performance.now() < endsAt) {
    const startedAt = performance.now()
    expect((await outcome(driver.get('key-1'))).error).toBeDefined()
    times.push(performance.now() - startedAt)
    await soon(5)
  }
  expect(Math.max(...times)).toBeLessThan(lag.allowanceMs())
  expect(proxy.accepted).toBeLessThanOrEqual(5)
})

test('a server that resets every connection is tried less and less often', async () => {
  const server = await real()
  const proxy = await behindProxy(server, { connect: 'reset' })
  const driver = openDriver(proxy.port)
  const endsAt = performance.now() + 1_500
  while (performance.now() < endsAt) {
    await outcome(driver.get('key-1'))
    await soon(2)
  }
  const { acceptedAt } = proxy
  expect(acceptedAt.length).toBeGreaterThan(2)
  // At the most: 50, 100, 200, 400 and 800 ms apart.
  expect(acceptedAt.length).toBeLessThanOrEqual(6)
  expect(acceptedAt[1]! - acceptedAt[0]!).toBeGreaterThan(45)
})

test('values that come too late for some do not cost the others their connection', async () => {
  const server = await real()
  const direct = openDriver(server.port)
  const names = Array.from({ length: 100 }, (_, index) => `wide-${index}`)
  const bytes = (name: string) => Buffer.alloc(20_000, name)
  await Promise.all(names.map((name) => direct.set(name, bytes(name), 0)))
  const proxy = await behindProxy(server)
  const driver = openDriver(proxy.port)
  await driver.get('wide-0')
  // All of it takes half a second, and each value a few milliseconds.
  proxy.use({ toClient: { bytesPerSecond: 4_000_000 } })
  const ends = await Promise.all(names.map((name) => outcome(driver.get(name))))
  for (const [index, { value: item, error }] of ends.entries()) {
    if (error === undefined) {
      expect(bytes(names[index]!).equals((item as { bytes: Uint8Array }).bytes)).toBe(true)
    } else expect(kindOf(error)).toBe('timeout')
  }
  expect(ends[0]).toHaveProperty('value')
  expect(ends[99]).toHaveProperty('error')
  proxy.use(scenarios.healthy)
  await expect
    .poll(() => outcome(driver.get('wide-99')), { timeout: 2_000 })
    .toHaveProperty('value')
  expect(proxy.accepted).toBe(1)
})

test('a server that takes no more connections says so, and is used when it does again', async () => {
  const server = await real(['-c', '32'])
  await fill(server.port)
  const others: Socket[] = []
  onTestFinished(() => {
    for (const other of others) other.destroy()
  })
  /** Whether it has a place, or has been told that there is none. */
  const hasPlace = () =>
    new Promise<boolean>((resolve) => {
      const other = connect(server.port, '127.0.0.1')
      others.push(other)
      other.on('error', () => resolve(false))
      other.once('data', (chunk: Buffer) => resolve(chunk.toString().startsWith('VERSION')))
      other.write('version\r\n')
    })
  // Until it is full, and stays so: whoever filled it may be leaving still.
  for (let refused = 0; refused < 20; ) refused = (await hasPlace()) ? 0 : refused + 1
  const driver = openDriver(server.port)
  const { error } = await outcome(driver.get('key-1'))
  // Its reset may be faster than its words.
  expect(['overloaded', 'unavailable']).toContain(kindOf(error))
  expect((error as Error).message).not.toContain('meta')
  for (const other of others) other.destroy()
  await untilRight(driver, 3_000)
})

test('closing ends what is pending at once, and leaves neither socket nor timer', async () => {
  const server = await fake(() => {})
  const driver = openDriver(server.port)
  const pending = [outcome(driver.get('a')), outcome(driver.set('b', Buffer.from('1'), 0))]
  await soon(30)
  expect(server.standing).toBe(1)
  const lag = watchLag()
  const startedAt = performance.now()
  await driver.close()
  for (const { error } of await Promise.all(pending)) expect(error).toBeInstanceOf(ClosedError)
  expect((await outcome(driver.get('a'))).error).toBeInstanceOf(ClosedError)
  expect(performance.now() - startedAt).toBeLessThan(lag.allowanceMs())
  await expect.poll(() => server.ended).toBe(1)
})

test('a process that has closed its driver ends by itself', async () => {
  const server = await real()
  const source = new URL('../src/', import.meta.url).href
  const script = `
    const { MemjsDriver } = await import('${source}memjs-driver.ts')
    const { backgroundClock } = await import('@holdfast/core/adapter')
    const driver = new MemjsDriver({
      place: { store: 'm', server: 's' }, endpoint: { host: '127.0.0.1', port: ${server.port} },
      connectTimeoutMs: 60_000, commandTimeoutMs: 60_000, maxReplyBytes: 1_000, clock: backgroundClock,
    })
    await driver.get('a')
    await driver.close()
    console.log('closed')`
  const args = ['--conditions=holdfast-source', '--input-type=module', '-e', script]
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 20_000 })
  // A timer or socket that stayed would have kept it for a minute.
  expect(stdout).toBe('closed\n')
})

test('of 100,000 answers under lost, swapped, damaged and cut replies none is under a wrong key', async () => {
  const server = await real()
  await fill(server.port)
  const proxy = await behindProxy(server)
  const driver = openDriver(proxy.port)
  const kinds = ['drop', 'swap', 'garbage', 'reset', 'half'] as const
  let turn = 0
  const change = setInterval(() => {
    const kind = kinds[turn++ % kinds.length]!
    proxy.use({
      toClient: { replies: [{ kind, nth: { every: 397 } }], slice: { bytes: 1_000, pauseMs: 0 } },
    })
  }, 200)
  onTestFinished(() => clearInterval(change))
  const tally = await traffic(driver, 50, ({ right }) => right >= 100_000)
  expect(tally.wrong).toBe(0)
  expect(proxy.accepted).toBeGreaterThan(20)
}, 120_000)
