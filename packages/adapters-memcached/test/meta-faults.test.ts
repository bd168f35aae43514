import { createServer, type Socket } from 'node:net'
import { backgroundClock } from '@holdfast/core/adapter'
import { makeCertificates } from '@holdfast/lab/certificates'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import { type Scenario, scenarios } from '@holdfast/lab/fault-scenarios'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Driver } from '../src/driver.ts'
import { type MetaDriverOptions, metaDriver } from '../src/meta-driver.ts'
import { commandTimeoutMs, kindOf, outcome, soon, textOf, watchLag } from './open-driver.ts'

function open(port: number, options: Partial<MetaDriverOptions> = {}): Driver {
  const driver = metaDriver({
    place: { store: 'memcached', server: `127.0.0.1:${port}` },
    endpoint: { host: '127.0.0.1', port },
    connectTimeoutMs: 500,
    commandTimeoutMs,
    maxReplyBytes: 64 * 1024 * 1024,
    clock: backgroundClock,
    ...options,
  })
  onTestFinished(() => driver.close())
  return driver
}

async function real(args: readonly string[] = []): Promise<MemcachedServer> {
  const server = await startMemcached({ args })
  onTestFinished(async () => {
    await server.kill()
    await server.stop()
  })
  return server
}

const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)
/** Long enough for replies to come in several pieces. */
const value = (key: string) => `value of ${key}, `.repeat(40)

async function fill(port: number) {
  const driver = open(port, { commandTimeoutMs: 5_000 })
  await Promise.all(keys.map((key) => driver.set(key, Buffer.from(value(key)), 0)))
  await driver.close()
}

/** A server with all keys, behind a network that can go wrong. */
async function behindProxy(scenario: Scenario = {}) {
  const server = await real()
  await fill(server.port)
  const proxy = await startFaultProxy({
    upstream: { port: server.port },
    framing: 'memcached-meta',
    scenario,
  })
  onTestFinished(() => proxy.stop())
  return { server, proxy }
}

/** Operations at random keys until `isOver`, 20 at a time; what came under a key that is not its own. */
async function traffic(driver: Driver, isOver: (done: number) => boolean) {
  const tally = { done: 0, right: 0, wrong: 0, kinds: new Set<string>(), slowestMs: 0 }
  const judge = (key: string, found: string | undefined) => {
    if (found === value(key)) tally.right++
    else if (found !== undefined) tally.wrong++
  }
  const one = async (turn: number) => {
    const key = keys[(turn * 31) % keys.length]!
    switch (turn % 5) {
      case 0: {
        const several = [key, 'never-set', keys[(turn * 7) % keys.length]!]
        const found = await driver.getMany(several)
        for (const [at, each] of several.entries()) judge(each, textOf(found[at]))
        return
      }
      case 1:
        return driver.set(key, Buffer.from(value(key)), 0)
      case 2: {
        const found = await driver.addOrGet(key, Buffer.from(value(key)), 0)
        if (typeof found === 'object') judge(key, textOf(found))
        return
      }
      default:
        judge(key, textOf(await driver.get(key)))
    }
  }
  const worker = async (first: number) => {
    for (let turn = first; !isOver(tally.done); turn += 20) {
      const startedAt = performance.now()
      try {
        await one(turn)
      } catch (error) {
        tally.kinds.add(kindOf(error))
        // As a caller would that has something else to do.
        await soon(1)
      }
      tally.done++
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => worker(index)))
  return tally
}

async function untilRight(driver: Driver, withinMs: number) {
  await expect
    .poll(async () => textOf((await outcome(driver.get('key-1'))).value as never), {
      timeout: withinMs,
      interval: 10,
    })
    .toBe(value('key-1'))
}

describe('whatever happens to replies, none is taken for another key', () => {
  test.each([
    ['lost', { toClient: { replies: [{ kind: 'drop', nth: { every: 50 } }] } }],
    ['swapped', scenarios.swappedReplies],
    ['garbage', scenarios.garbage],
    ['cut off by a reset', scenarios.resetInReply],
    ['in pieces', { toClient: { slice: { bytes: 301, pauseMs: 0 } } }],
  ] as [string, Scenario][])('20,000 operations: %s', async (_, scenario) => {
    const { proxy } = await behindProxy(scenario)
    const driver = open(proxy.port)
    const lag = watchLag()
    const tally = await traffic(driver, (done) => done >= 20_000)
    expect(tally.wrong).toBe(0)
    expect(tally.right).toBeGreaterThan(2_000)
    for (const kind of tally.kinds) expect(['protocol', 'unavailable', 'timeout']).toContain(kind)
    expect(tally.slowestMs).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
    proxy.use(scenarios.healthy)
    await untilRight(driver, 2_000)
  })
})

describe('every operation settles by its deadline, and the next one is right', () => {
  test('when the server is stopped under traffic', async () => {
    const server = await real()
    await fill(server.port)
    const driver = open(server.port)
    const lag = watchLag()
    let isOver = false
    const reading = traffic(driver, () => isOver)
    await soon(200)
    server.pause()
    await soon(1_200)
    server.resume()
    await untilRight(driver, 3_000)
    isOver = true
    const tally = await reading
    expect(tally.wrong).toBe(0)
    expect(tally.right).toBeGreaterThan(0)
    expect(tally.kinds).toContain('timeout')
    expect(tally.slowestMs).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
  })

  test('when connections are reset', async () => {
    const { proxy } = await behindProxy()
    const driver = open(proxy.port)
    const lag = watchLag()
    let isOver = false
    const reading = traffic(driver, () => isOver)
    for (let turn = 0; turn < 10; turn++) {
      await soon(50)
      proxy.resetAll()
    }
    await untilRight(driver, 2_000)
    isOver = true
    const tally = await reading
    expect(tally.wrong).toBe(0)
    const kinds = [...tally.kinds].filter((kind) => kind !== 'timeout' || !lag.wasBlocked())
    expect(kinds).toEqual(['unavailable'])
    expect(tally.slowestMs).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
  })

  test('when a reply comes one byte per 100 ms', async () => {
    const { proxy } = await behindProxy()
    const driver = open(proxy.port)
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
    await untilRight(driver, 3_000)
  })

  test('when one reply is lost, and no other is waited for', async () => {
    const { proxy } = await behindProxy()
    const driver = open(proxy.port)
    await driver.get('key-1')
    proxy.use(scenarios.lostReply)
    const lag = watchLag()
    const startedAt = performance.now()
    expect(kindOf((await outcome(driver.delete('key-2'))).error)).toBe('timeout')
    expect(performance.now() - startedAt).toBeLessThan(commandTimeoutMs + lag.allowanceMs())
    proxy.use(scenarios.healthy)
    await untilRight(driver, 2_000)
  })

  test('when the server ends the connection with replies in flight', async () => {
    const server = await scripted((gets, socket, connection) => {
      for (const [key, opaque] of gets) {
        if (connection === 0 && key === 'key-3') {
          socket.end()
          return
        }
        socket.write(hit(key, opaque))
      }
    })
    const driver = open(server.port)
    const ends = await Promise.all(
      ['key-1', 'key-2', 'key-3', 'key-4'].map((key) => outcome(driver.get(key))),
    )
    // What had come before the end is kept.
    expect(
      ends.map((end) => ('value' in end ? textOf(end.value as never) : kindOf(end.error))),
    ).toEqual([value('key-1'), value('key-2'), 'unavailable', 'unavailable'])
    expect(textOf(await driver.get('key-4'))).toBe(value('key-4'))
  })

  test('when a connection that was given up still has something to say', async () => {
    let isDestroyed = false
    const server = await scripted((gets, socket, connection) => {
      for (const [key, opaque] of gets) {
        if (connection > 0) {
          socket.write(hit(key, opaque))
          continue
        }
        socket.on('close', () => {
          isDestroyed = true
        })
        // What the late reply meets on the other side shows in the write after it.
        for (const times of [3, 3.5]) {
          setTimeout(() => socket.write(hit(key, opaque, 'late')), commandTimeoutMs * times)
        }
      }
    })
    const driver = open(server.port)
    expect(kindOf((await outcome(driver.get('key-1'))).error)).toBe('timeout')
    const until = performance.now() + commandTimeoutMs * 4
    while (performance.now() < until) {
      expect(textOf(await driver.get('key-1'))).toBe(value('key-1'))
      await soon(20)
    }
    await expect.poll(() => isDestroyed).toBe(true)
  })

  test('when the server is killed in the middle of large values', async () => {
    const server = await real(['-I', '2m'])
    const driver = open(server.port, { commandTimeoutMs: 1_000 })
    const large = Buffer.alloc(900_000, 'large')
    const names = Array.from({ length: 20 }, (_, index) => `large-${index}`)
    const stored = () => Promise.all(names.map((name) => driver.set(name, large, 0)))
    for (let round = 0; round < 3; round++) {
      await expect.poll(() => outcome(stored(), 5_000), { timeout: 8_000 }).toHaveProperty('value')
      const reads = names.map((name) => outcome(driver.get(name), 3_000))
      await soon(round * 3)
      await server.kill()
      for (const end of await Promise.all(reads)) {
        expect(end.pending).toBeUndefined()
        const found = (end.value as { bytes: Uint8Array } | undefined)?.bytes
        if (found !== undefined) expect(large.equals(found)).toBe(true)
      }
      await server.restart()
    }
  })
})

/** The first of several gets has a number, the others have names. */
const hit = (key: string, opaque: string | undefined, text = value(key)) =>
  opaque === undefined
    ? `VALUE ${key} 0 ${text.length} 1\r\n${text}\r\n`
    : `VA ${text.length} f0 c1 O${opaque}\r\n${text}\r\n`

type Gets = readonly (readonly [key: string, opaque: string | undefined])[]

/** A server that says it speaks meta, and lets a script answer the gets that come, connection by connection. */
async function scripted(answer: (gets: Gets, socket: Socket, connection: number) => void) {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = sockets.size
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const gets = [
        ...chunk.toString().matchAll(/mg (\S+) v f c O(\d+)\r\n(?:gets ([^\r]*)\r\n)?/g),
      ]
      for (const [, key, opaque, others] of gets) {
        if (key!.startsWith('~hf:')) {
          socket.write('EN O1\r\n')
          continue
        }
        const names = others?.split(' ') ?? []
        answer(
          [[key!, opaque], ...names.map((name) => [name, undefined] as const)],
          socket,
          connection,
        )
        if (names.length > 0) socket.write('END\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server.address() as { port: number }
}

/** A server of these words, whatever it is asked; with a greeting it first says that it speaks meta. */
async function saying(answer: string | Buffer, greets = false) {
  const sockets = new Set<Socket>()
  let heard = ''
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let isFirst = greets
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      socket.write(isFirst ? 'EN O1\r\n' : answer)
      isFirst = false
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { port, heard: () => heard }
}

describe('a server of another kind is named for what it is', () => {
  test.each([
    ['one that knows the classic commands only', 'ERROR\r\n', /protocol: 'binary'/],
    ['one that speaks binary', Buffer.from([0x81, 0, 0, 0, 10, 13, 10]), /none of the meta/],
    ['one that knows fewer flags', 'CLIENT_ERROR bad command line format\r\n', /meta commands/],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', /none of the meta/],
  ])('%s, before it hears anything of a value', async (_, words, message) => {
    const server = await saying(words)
    const driver = open(server.port)
    // Without `ms`, a server would take the lines of a value for commands.
    const { error } = await outcome(driver.set('a', Buffer.from('\r\nflush_all\r\n'), 0))
    expect(kindOf(error)).toBe('protocol')
    expect(String(error)).toMatch(message)
    expect(server.heard()).toMatch(/^mg \S+ v f c O1\r\n$/)
    await outcome(driver.get('a'))
    expect(server.heard()).not.toContain('flush')
  })

  test('a value that nobody asked for', async () => {
    const { port } = await saying('VA 1 O99999999 f0\r\nx\r\n', true)
    const { error } = await outcome(open(port).get('a'))
    expect(kindOf(error)).toBe('protocol')
    expect(String(error)).toMatch(/another command/)
  })

  test('one that refuses in words: each in core’s own', async () => {
    const refusals: [string, string][] = [
      ['SERVER_ERROR out of memory storing object', 'full'],
      ['SERVER_ERROR object too large for cache', 'too-large'],
      ['CLIENT_ERROR unauthenticated', 'auth'],
      ['SERVER_ERROR backend failure', 'unknown'],
    ]
    for (const [words, kind] of refusals) {
      const { port } = await saying(`${words}\r\n`, true)
      const driver = open(port)
      const { error } = await outcome(driver.set('a', Buffer.from('1'), 0))
      expect(kindOf(error), words).toBe(kind)
      expect(String(error)).not.toContain(words)
    }
  })
})

test('a value that comes too late for its reader does not cost those before it theirs', async () => {
  const server = await real(['-I', '2m'])
  const direct = open(server.port, { commandTimeoutMs: 5_000 })
  await direct.set('small', Buffer.from('small'), 0)
  await direct.set('large', Buffer.alloc(1_500_000, 'large'), 0)
  const proxy = await startFaultProxy({ upstream: { port: server.port } })
  onTestFinished(() => proxy.stop())
  const driver = open(proxy.port)
  await driver.get('small')
  proxy.use({ toClient: { bytesPerSecond: 3_000_000 } })
  // All four go out as one operation.
  const ends = await Promise.all(
    ['small', 'none', 'large', 'small'].map((key) => outcome(driver.get(key))),
  )
  expect(textOf(ends[0]!.value as never)).toBe('small')
  expect(ends[1]).toEqual({ value: undefined })
  expect(ends.slice(2).map(({ error }) => kindOf(error))).toEqual(['timeout', 'timeout'])
  proxy.use(scenarios.healthy)
  await expect
    .poll(async () => textOf((await outcome(driver.get('small'))).value as never), {
      timeout: 5_000,
    })
    .toBe('small')
})

test('a small value holds on to 8 KiB at most, however many came with it', async () => {
  const server = await real()
  const driver = open(server.port, { commandTimeoutMs: 5_000 })
  const names = Array.from({ length: 500 }, (_, index) => `small-${index}`)
  await Promise.all(names.map((name) => driver.set(name, Buffer.alloc(100, name), 0)))
  // What is received at once is six times as much.
  const all = [
    ...(await driver.getMany(names)),
    ...(await Promise.all(names.map((name) => driver.get(name)))),
  ]
  for (const [index, item] of all.entries()) {
    expect(Buffer.alloc(100, names[index % names.length]!).equals(item!.bytes)).toBe(true)
    expect(item!.bytes.buffer.byteLength).toBeLessThanOrEqual(8_192)
  }
  await driver.set('larger', Buffer.alloc(5_000), 0)
  expect((await driver.get('larger'))!.bytes.buffer.byteLength).toBe(5_000)
})

test('a server that is out of memory and does not evict refuses as full, and goes on', async () => {
  const server = await real(['-m', '4', '-M', '-I', '1m'])
  const driver = open(server.port, { commandTimeoutMs: 2_000 })
  const ends = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      outcome(driver.set(`big-${index}`, Buffer.alloc(500_000), 0), 5_000),
    ),
  )
  const kinds = new Set(ends.map(({ error }) => error && kindOf(error)))
  expect(kinds).toContain('full')
  await driver.delete('big-0')
  expect(await driver.version()).toMatch(/^1\./)
})

test('speaks TLS, and says the login of the text protocol before anything else', async () => {
  const certificates = makeCertificates()
  onTestFinished(() => certificates.remove())
  const server = await startMemcached({ tls: certificates.good, protocol: 'ascii' })
  onTestFinished(() => server.stop())
  const driver = open(server.port, { tls: { ca: certificates.ca } })
  await driver.set('a', Buffer.from('over TLS'), 0)
  expect(textOf(await driver.get('a'))).toBe('over TLS')
  const doubtful = open(server.port, { tls: true })
  expect(kindOf((await outcome(doubtful.get('a'))).error)).toBe('auth')
})
