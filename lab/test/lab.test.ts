import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { canarySecret } from '../src/canary.ts'
import { type Certificate, makeCertificates } from '../src/certificates.ts'
import { startProcess } from '../src/client-process.ts'
import { startFaultProxy } from '../src/fault-proxy.ts'
import { type Scenario, scenarios } from '../src/fault-scenarios.ts'
import { freePorts } from '../src/free-ports.ts'
import { accepts, startMemcached } from '../src/memcached-server.ts'
import { startNutcracker } from '../src/nutcracker-proxy.ts'
import { requireProgram } from '../src/programs.ts'
import { startRedis } from '../src/redis-server.ts'
import { encodeCommand, splitFrames } from '../src/resp.ts'
import { scratchDirectory } from '../src/scratch.ts'

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('free ports are all different', async () => {
  const ports = await freePorts(50)
  expect(new Set(ports).size).toBe(50)
})

test('a program that is missing is named together with the script that installs it', () => {
  expect(() => requireProgram('no-such-server')).toThrow('scripts/ensure-servers.sh')
})

describe.each(['redis', 'valkey'] as const)('a %s of its own', (engine) => {
  test('starts, answers, can be stopped, woken, killed and started again, and leaves nothing', async () => {
    const server = await startRedis({ engine })
    expect(await server.command('SET', 'a', '1')).toBe('OK')
    expect(await server.command('GET', 'a')).toBe('1')
    expect(await server.commandCounts()).toMatchObject({ set: 1, get: 1 })
    server.pause()
    const waiting = server.command('PING')
    expect(await Promise.race([waiting, soon(50).then(() => 'silent')])).toBe('silent')
    server.resume()
    expect(await waiting).toBe('PONG')
    const { pid } = server
    await server.kill()
    expect(server.running()).toBe(false)
    expect(await accepts(server.port)).toBe(false)
    await server.restart()
    expect(server.pid).not.toBe(pid)
    expect(await server.command('GET', 'a')).toBe(null)
    const directory = server.socketPath.slice(0, -2)
    await server.stop()
    expect(existsSync(directory)).toBe(false)
    expect(await accepts(server.port)).toBe(false)
  })

  test('knows users, and does not know the commands that were taken from it', async () => {
    const server = await startRedis({
      engine,
      users: [`anna on >${canarySecret('anna')} ~app:* +get`],
      withoutCommands: ['FLUSHALL'],
    })
    onTestFinished(() => server.stop())
    expect(await server.command('ACL', 'USERS')).toContain('anna')
    await expect(server.command('FLUSHALL')).rejects.toThrow('unknown command')
  })
})

test('says what the server said when it does not start', async () => {
  await expect(startRedis({ config: { maxmemory: 'nonsense' } })).rejects.toThrow(/nonsense/)
})

test('a memcached of its own starts, can be killed and started again', async () => {
  const server = await startMemcached()
  onTestFinished(() => server.stop())
  expect(await accepts(server.port)).toBe(true)
  await server.kill()
  expect(await accepts(server.port)).toBe(false)
  await server.restart()
  expect(await accepts(server.port)).toBe(true)
})

test('a nutcracker of its own stands in front of two memcacheds', async () => {
  const servers = await Promise.all([startMemcached(), startMemcached()])
  const proxy = await startNutcracker({
    servers: servers.map(({ address }) => `${address}:1`),
    pool: { distribution: 'ketama' },
  })
  onTestFinished(async () => {
    await Promise.all([proxy, ...servers].map((each) => each.stop()))
  })
  const socket = connect(proxy.port, '127.0.0.1')
  socket.write('set a 0 0 1\r\n1\r\n')
  const answer = await new Promise<string>((resolve) => socket.once('data', (c) => resolve(`${c}`)))
  socket.destroy()
  expect(answer).toBe('STORED\r\n')
})

describe('certificates', () => {
  const certificates = makeCertificates()
  afterAll(() => certificates.remove())

  async function verdict(certificate: Certificate): Promise<string> {
    const server = await startRedis({ tls: { ...certificate, caFile: certificates.caFile } })
    const socket: TLSSocket = connectTls({
      port: server.port,
      host: 'localhost',
      ca: certificates.ca,
    })
    const said = await new Promise<string>((resolve) => {
      socket.once('secureConnect', () => resolve('accepted'))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    })
    socket.destroy()
    await server.stop()
    return said
  }

  test('a client accepts the good ones and refuses each of the others for its own reason', async () => {
    expect(await verdict(certificates.good)).toBe('accepted')
    expect(await verdict(certificates.renewed)).toBe('accepted')
    expect(await verdict(certificates.expired)).toBe('CERT_HAS_EXPIRED')
    expect(await verdict(certificates.wrongHost)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(await verdict(certificates.selfSigned)).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  })
})

describe('a client process', () => {
  const file = new URL('./echo-client.ts', import.meta.url)

  test('runs the functions of its file, tells what it was not asked, and hands back errors', async () => {
    const client = await startProcess(file)
    onTestFinished(() => client.stop())
    expect(await client.call('echo', { deep: new Map([['a', 1n]]) })).toEqual({
      deep: new Map([['a', 1n]]),
    })
    const announced = new Promise((resolve) => client.on('announced', resolve))
    await client.call('announce', 'hello')
    expect(await announced).toBe('hello')
    await expect(client.call('fail')).rejects.toMatchObject({
      name: 'RangeError',
      message: 'as asked',
    })
    await expect(client.call('unknown')).rejects.toThrow("no function 'unknown'")
  })

  test('that is killed rejects what still waits for it', async () => {
    const client = await startProcess(file)
    const waiting = client.call('never')
    const rejected = expect(waiting).rejects.toThrow('SIGKILL')
    await client.kill()
    await rejected
    await expect(client.call('echo', 1)).rejects.toThrow('has ended')
  })

  test.each([
    ['redis-server.ts', 'startRedis', 'SIGKILL'],
    ['redis-server.ts', 'startRedis', 'SIGTERM'],
    ['memcached-server.ts', 'startMemcached', 'SIGKILL'],
    ['memcached-server.ts', 'startMemcached', 'SIGTERM'],
    ['memcached-server.ts', 'startMemcached', 'SIGINT'],
  ] as const)(
    'and its servers end with the process that started them: %s, %s, %s',
    async (file, start, signal) => {
      const scratch = scratchDirectory()
      onTestFinished(() => scratch.remove())
      const module = new URL(`../src/${file}`, import.meta.url)
      const parent = spawn(
        process.execPath,
        ['--input-type=module', '-e', orphanScript(module, start)],
        { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: scratch.path } },
      )
      const port = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)))
      expect(await accepts(port)).toBe(true)
      const exited = once(parent, 'exit')
      parent.kill(signal)
      await exited
      for (let tries = 0; tries < 100 && (await accepts(port)); tries++) await soon(20)
      expect(await accepts(port)).toBe(false)
      // What a killed process had on disk is left to whoever owns its temporary directory.
      if (signal !== 'SIGKILL') expect(readdirSync(scratch.path)).toEqual([])
    },
  )
})

const orphanScript = (module: URL, start: string) =>
  `const { ${start}: start } = await import(${JSON.stringify(module.href)})
   console.log((await start()).port)
   setInterval(() => {}, 1000)`

describe('the fault proxy', async () => {
  const server = await startRedis()
  afterAll(() => server.stop())
  await server.command('MSET', ...Array.from({ length: 40 }, (_, i) => [`k${i}`, `v${i}`]).flat())

  /** Sends so many GETs at once and notes what came back within the time. */
  async function gets(scenario: Scenario, count: number, withinMs = 300) {
    const proxy = await startFaultProxy({
      upstream: { port: server.port },
      framing: 'resp',
      scenario,
    })
    onTestFinished(() => proxy.stop())
    const socket = connect(proxy.port, '127.0.0.1')
    let received: Buffer = Buffer.alloc(0)
    const events: string[] = []
    const startedAt = performance.now()
    let firstMs = Number.POSITIVE_INFINITY
    let chunks = 0
    socket.on('data', (chunk: Buffer) => {
      chunks++
      firstMs = Math.min(firstMs, performance.now() - startedAt)
      received = Buffer.concat([received, chunk])
    })
    socket.on('error', (error: NodeJS.ErrnoException) => events.push(error.code ?? 'error'))
    socket.on('end', () => events.push('end'))
    socket.on('close', () => events.push('close'))
    for (let index = 0; index < count; index++) socket.write(encodeCommand(['GET', `k${index}`]))
    await soon(withinMs)
    const replies = () =>
      splitFrames(received).frames.map((frame) => frame.toString().split('\r\n')[1])
    return {
      proxy,
      socket,
      events,
      received: () => received,
      replies,
      firstMs: () => firstMs,
      chunks: () => chunks,
    }
  }
  const all = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`)

  test('lets everything through when healthy', async () => {
    const { replies, proxy } = await gets(scenarios.healthy, 40, 100)
    expect(replies()).toEqual(all(40))
    expect(proxy.accepted).toBe(1)
    expect(proxy.standing).toBe(1)
  })

  test('latency keeps the order and the throughput of what was sent at once', async () => {
    const { replies, firstMs } = await gets({ toClient: { latencyMs: 150, jitterMs: 50 } }, 40, 400)
    expect(firstMs()).toBeGreaterThanOrEqual(149)
    expect(replies()).toEqual(all(40))
  })

  test('slices', async () => {
    const { replies, chunks } = await gets({ toClient: { slice: { bytes: 3, pauseMs: 1 } } }, 10)
    expect(replies()).toEqual(all(10))
    expect(chunks()).toBeGreaterThan(10)
  })

  test('bandwidth is bounded', async () => {
    const since = performance.now()
    const { received } = await gets({ toClient: { bytesPerSecond: 500 } }, 40, 0)
    await expect.poll(() => received().length, { timeout: 10_000 }).toBeGreaterThan(100)
    // A machine that is late lets through less.
    expect(performance.now() - since).toBeGreaterThan(100)
  })

  test.each([
    ['blackHole', scenarios.blackHole],
    ['halfOpen', scenarios.halfOpen],
  ])('%s swallows everything and tells nobody', async (_, scenario) => {
    const { received, events } = await gets(scenario, 3, 60)
    expect(received()).toHaveLength(0)
    expect(events).toEqual([])
  })

  test('a standing connection goes silent too, and goes on when the network is back', async () => {
    const { proxy, socket, replies } = await gets(scenarios.healthy, 1, 60)
    proxy.use(scenarios.blackHole)
    socket.write(encodeCommand(['GET', 'k1']))
    await soon(60)
    expect(replies()).toEqual(['v0'])
    proxy.use(scenarios.healthy)
    socket.write(encodeCommand(['GET', 'k2']))
    await soon(60)
    expect(replies()).toEqual(['v0', 'v2'])
  })

  test('half-open: the server goes and the client is not told', async () => {
    const other = await startRedis()
    const proxy = await startFaultProxy({ upstream: { port: other.port } })
    onTestFinished(() => proxy.stop())
    const socket = connect(proxy.port, '127.0.0.1')
    const events: string[] = []
    socket.on('close', () => events.push('close'))
    socket.on('error', () => undefined)
    socket.write(encodeCommand(['PING']))
    await new Promise((resolve) => socket.once('data', resolve))
    proxy.use(scenarios.halfOpen)
    await other.stop()
    await soon(60)
    expect(events).toEqual([])
  })

  test('resets', async () => {
    const { events, received } = await gets({ toClient: { resetAfterBytes: 20 } }, 40, 100)
    expect(events).toEqual(['ECONNRESET', 'close'])
    expect(received().length).toBeLessThanOrEqual(20)
    expect((await gets(scenarios.reset, 1, 60)).events).toContain('close')
  })

  test('resets in the middle of a reply', async () => {
    const { replies, received, events } = await gets(scenarios.resetInReply, 40, 100)
    expect(replies()).toEqual(all(19))
    expect(received().toString()).toMatch(/\$3\r\nv$/)
    expect(events).toContain('ECONNRESET')
  })

  test('loses, swaps, halves, delays and garbles single replies', async () => {
    const struck = (kind: 'drop' | 'swap' | 'half' | 'garbage' | 'delay') =>
      gets({ toClient: { replies: [{ kind, nth: 2, ms: 1_000 }] } }, 4, 60)
    const replies = async (kind: Parameters<typeof struck>[0], expected: readonly string[]) => {
      const { replies: come } = await struck(kind)
      await expect.poll(come, { timeout: 10_000 }).toEqual(expected)
    }
    const bytes = async (kind: Parameters<typeof struck>[0], expected: string) => {
      const { received } = await struck(kind)
      await expect
        .poll(() => received().toString('latin1'), { timeout: 10_000 })
        .toContain(expected)
      return received().toString('latin1')
    }
    await replies('drop', ['v0', 'v2', 'v3'])
    await replies('swap', ['v0', 'v2', 'v1', 'v3'])
    expect(await bytes('half', '$2\r\nv0\r\n$2\r\n')).toBe('$2\r\nv0\r\n$2\r\n')
    await bytes('garbage', 'garbage')
    const since = performance.now()
    await replies('delay', all(4))
    expect(performance.now() - since).toBeGreaterThan(1_000 - 5)
  })

  test('ends slowly', async () => {
    const { socket, events } = await gets({ toClient: { slowCloseMs: 150 } }, 1, 60)
    socket.write(encodeCommand(['QUIT']))
    await soon(60)
    expect(events).toEqual([])
    await soon(150)
    expect(events).toContain('end')
  })

  test('refuses connections while its port is closed', async () => {
    const { proxy } = await gets(scenarios.healthy, 1, 60)
    await proxy.closePort()
    expect(await accepts(proxy.port)).toBe(false)
    await proxy.openPort()
    expect(await accepts(proxy.port)).toBe(true)
  })

  test('records what clients sent', async () => {
    const { proxy, socket } = await gets(scenarios.healthy, 1, 60)
    proxy.record(true)
    socket.write(encodeCommand(['GET', 'k7']))
    await soon(60)
    expect(proxy.recorded.toString()).toBe('*2\r\n$3\r\nGET\r\n$2\r\nk7\r\n')
  })

  test('needs to know the framing for faults of single replies', async () => {
    const starting = startFaultProxy({
      upstream: { port: server.port },
      scenario: scenarios.garbage,
    })
    await expect(starting).rejects.toThrow('give `framing`')
  })
})
