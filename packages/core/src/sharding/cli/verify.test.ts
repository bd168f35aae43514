import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { canary, canarySecret } from '../../../../../lab/src/canary.ts'
import { createRing, type Ring } from '../ring.ts'
import { run } from './run.ts'

/*
 * Against stand-ins that listen on ports of the system's choice. packages/core/test-servers holds the same command to
 * a real nutcracker; here is what that one does not do: Redis, passwords, unsigned bytes, wrong and missing answers.
 */

const running: Server[] = []

async function listen(onLine: (line: string, socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    let rest = ''
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      const lines = (rest + bytes.toString('utf8')).split('\r\n')
      rest = lines.pop()!
      for (const line of lines) onLine(line, socket)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  running.push(server)
  return (server.address() as { port: number }).port
}

afterEach(async () => {
  for (const server of running.splice(0)) {
    server.close()
    await once(server, 'close')
  }
})

/** A Redis stand-in: `of(key)` is where the key is kept. */
async function redis(
  of: (key: string) => Map<string, string>,
  log: string[] = [],
  password?: string,
): Promise<number> {
  const open = new WeakMap<Socket, { words: string[]; missing: number; authorized: boolean }>()
  return listen((line, socket) => {
    const state = open.get(socket) ?? { words: [], missing: 0, authorized: password === undefined }
    open.set(socket, state)
    if (line.startsWith('*')) {
      state.words = []
      state.missing = Number(line.slice(1))
      return
    }
    if (line.startsWith('$')) return
    state.words.push(line)
    if (state.words.length < state.missing) return
    const [command, key = '', ...values] = state.words
    log.push(state.words.join(' '))
    if (command === 'AUTH') {
      state.authorized = key === password
      socket.write(state.authorized ? '+OK\r\n' : `-ERR invalid password ${key}\r\n`)
    } else if (!state.authorized) socket.write('-NOAUTH Authentication required\r\n')
    else if (command === 'SELECT') socket.write('+OK\r\n')
    else if (command === 'SETEX') {
      of(key).set(key, values[1]!)
      socket.write('+OK\r\n')
    } else if (command === 'DEL') socket.write(`:${of(key).delete(key) ? 1 : 0}\r\n`)
    else {
      const value = of(key).get(key)
      socket.write(value === undefined ? '$-1\r\n' : `$${Buffer.byteLength(value)}\r\n${value}\r\n`)
    }
  })
}

async function verify(yml: string, ...args: string[]) {
  let output = ''
  const write = (text: string) => {
    output += text
  }
  const count = args.includes('--count') ? [] : ['--count', '70']
  const code = await run(['verify', 'a.yml', ...count, ...args], {
    write,
    writeError: write,
    readFile: async () => yml,
  })
  return { code, output }
}

const yml = (port: number, servers: readonly number[], ...lines: string[]) =>
  [
    'pool:',
    `  listen: 127.0.0.1:${port}`,
    ...lines.map((line) => `  ${line}`),
    '  servers:',
    ...servers.map((server, i) => `  - 127.0.0.1:${server}:1 s${i}`),
    '',
  ].join('\n')

/** Two servers and a proxy before them that follows `ring`. */
async function cluster(ring: Ring, log: string[] = [], password?: string) {
  const stores = [new Map<string, string>(), new Map<string, string>()]
  const servers: number[] = []
  for (const store of stores) servers.push(await redis(() => store, log, password))
  const proxy = await redis((key) => stores[ring.locateIndex(key)]!, log, password)
  return { stores, servers, proxy }
}

const twemproxy = (charSign: 'signed' | 'unsigned') =>
  createRing({ servers: [{ name: 's0' }, { name: 's1' }], compat: 'twemproxy', charSign })

it('speaks to Redis servers, with password and database, and leaves no key behind', async () => {
  const log: string[] = []
  const { stores, servers, proxy } = await cluster(twemproxy('signed'), log, canarySecret('right'))
  const result = await verify(
    yml(proxy, servers, 'redis: true', `redis_auth: ${canarySecret('right')}`, 'redis_db: 3'),
  )
  expect(result).toEqual({ code: 0, output: 'pool: 70 of 70 keys are where the ring says\n' })
  expect(log.filter((line) => line === 'SELECT 3')).toHaveLength(2)
  expect(stores.map((store) => store.size)).toEqual([0, 0])
  const keys = new Set(
    log.filter((line) => /^(SETEX|GET|DEL) /.test(line)).map((line) => line.split(' ')[1]!),
  )
  expect([...keys].every((key) => key.startsWith('holdfast-ring:verify:'))).toBe(true)
})

it('recognises a proxy that reads bytes unsigned', async () => {
  const { servers, proxy } = await cluster(twemproxy('unsigned'))
  // One key in ten is not ASCII, and of those every second one moves: of 70 keys it may once be none.
  const { code, output } = await verify(yml(proxy, servers, 'redis: true'), '--count', '700')
  expect(code).toBe(1)
  expect(output).toMatch(/charSign: 'unsigned'/)
})

it('does not blame the sign when ASCII keys differ too', async () => {
  const reversed = createRing({
    servers: [{ name: 's0' }, { name: 's1' }],
    compat: 'twemproxy',
    hash: 'md5',
  })
  const { servers, proxy } = await cluster(reversed)
  const { code, output } = await verify(yml(proxy, servers, 'redis: true'))
  expect(code).toBe(1)
  expect(output).toMatch(/another configuration/)
})

it('never shows a password, not even one that a server quotes', async () => {
  const { servers, proxy } = await cluster(twemproxy('signed'), [], canarySecret('other'))
  const { code, output } = await verify(
    yml(proxy, servers, 'redis: true', `redis_auth: ${canarySecret('right')}`),
  )
  expect(code).toBe(3)
  expect(output).toMatch(/unexpected answer to AUTH/)
  expect(output).not.toContain(canary)
})

it('gives up on a proxy that is silent, and on one that hangs up', async () => {
  const silent = await listen(() => {})
  const quiet = await verify(yml(silent, [silent]), '--timeout', '30')
  expect(quiet).toEqual({
    code: 3,
    output: `holdfast-ring: 127.0.0.1:${silent} does not answer: no answer in 30 ms\n`,
  })
  const rude = await listen((_line, socket) => socket.destroy())
  const cut = await verify(yml(rude, [rude]))
  expect(cut.code).toBe(3)
  expect(cut.output).toMatch(/does not answer: /)
})

it('reports what a proxy says instead of STORED', async () => {
  const ejected = await listen((_line, socket) =>
    socket.write('SERVER_ERROR Connection refused\r\n'),
  )
  const { code, output } = await verify(yml(ejected, [ejected]))
  expect(code).toBe(3)
  expect(output).toMatch(/unexpected answer to set: SERVER_ERROR Connection refused/)
})

it('compares with the stats first, and knows when they are none', async () => {
  const stats = (text: string) => {
    const server = createServer((socket) => socket.on('error', () => {}).end(text)).listen(
      0,
      '127.0.0.1',
    )
    running.push(server)
    return once(server, 'listening').then(() => (server.address() as { port: number }).port)
  }
  const text = yml(1, [2, 3], 'redis: true')
  const other = await stats(
    JSON.stringify({ service: 'nutcracker', pool: { client_eof: 0, s0: {}, s7: {} } }),
  )
  expect(await verify(text, '--stats', `127.0.0.1:${other}`)).toEqual({
    code: 1,
    output: "the running nutcracker has no server 's1'\nthe file has no server 's7'\n",
  })
  const without = await stats('{"service":"nutcracker"}')
  expect(await verify(text, '--stats', `127.0.0.1:${without}`)).toEqual({
    code: 1,
    output: "the running nutcracker has no pool 'pool'\n",
  })
  const strange = await stats('HTTP/1.1 400 Bad Request\r\n\r\n')
  expect((await verify(text, '--stats', `127.0.0.1:${strange}`)).code).toBe(3)
})
