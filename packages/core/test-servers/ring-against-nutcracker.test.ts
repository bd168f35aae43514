import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../lab/src/free-ports.ts'
import { run } from '../src/sharding/cli/run.ts'
import { twemproxyHashes } from '../src/sharding/hashes/named-hashes.ts'
import { parseNutcracker } from '../src/sharding/nutcracker/parse-nutcracker.ts'
import { createRing } from '../src/sharding/ring.ts'
import { mutant } from './nutcracker-mutants.ts'
import { dial, type Endpoint, start, stop } from './processes.ts'
import { seededRandom } from './seeded-random.ts'

const configurations = 50
const keysPerConfiguration = 150
const mutants = 400

let directory: string
const memcached: { child: ChildProcess; endpoint: Endpoint; line: string }[] = []

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-ring-'))
  for (let i = 0; i < 6; i++) {
    const port = await freePort()
    const child = await start(
      'memcached',
      ['-u', 'nobody', '-l', '127.0.0.1', '-p', `${port}`, '-m', '16'],
      [{ port }],
    )
    memcached.push({ child, endpoint: { port }, line: `127.0.0.1:${port}` })
  }
  const path = join(directory, 'm.sock')
  const child = await start('memcached', ['-u', 'root', '-s', path, '-m', '16'], [{ path }])
  memcached.push({ child, endpoint: { path }, line: path })
})

afterAll(async () => {
  for (const { child } of memcached) await stop(child)
  rmSync(directory, { recursive: true, force: true })
})

describe('a ring made from the text alone', () => {
  for (let seed = 1; seed <= configurations; seed++) {
    it(`sends every key where nutcracker sends it, configuration ${seed}`, async () => {
      const random = seededRandom(seed)
      const port = await freePort()
      const yml = randomConfiguration(random, port)
      const nutcracker = await startNutcracker(yml, port)
      try {
        const { pools } = parseNutcracker(yml)
        const ring = createRing(pools.pool!)
        const keys = randomKeys(random, pools.pool!.hashTag, seed)
        await store({ port }, keys)
        for (const [index, server] of pools.pool!.servers.entries()) {
          const endpoint: Endpoint =
            server.path === undefined ? { port: server.port! } : { path: server.path }
          const expected = keys.filter((key) => ring.locateIndex(key) === index)
          const missing = await absent(endpoint, expected)
          expect(
            missing.map((key) => key.toString('latin1')),
            `${yml}\nnot on ${server.name}`,
          ).toEqual([])
        }
      } finally {
        await stop(nutcracker)
      }
    })
  }
})

describe('parseNutcracker', () => {
  it(`judges ${mutants} mutated files as nutcracker -t does`, () => {
    const random = seededRandom(20_240)
    const file = join(directory, 'mutant.yml')
    const accepted: boolean[] = []
    for (let i = 0; i < mutants; i++) {
      const text = mutant(random)
      writeFileSync(file, text)
      const { status, stderr, error } = spawnSync('nutcracker', ['-t', '-c', file], {
        encoding: 'utf8',
      })
      if (error !== undefined) throw error
      let problem = ''
      try {
        parseNutcracker(text)
      } catch (refusal) {
        problem = (refusal as Error).message
      }
      expect(problem === '', `${JSON.stringify(text)}\n${problem}\n${stderr}`).toBe(status === 0)
      accepted.push(status === 0)
    }
    // A test that only ever sees refusals, or none, would prove little.
    expect(accepted.filter(Boolean).length).toBeGreaterThan(mutants / 20)
    expect(accepted.filter(Boolean).length).toBeLessThan(mutants / 2)
  })
})

describe('holdfast-ring verify', () => {
  const verify = async (yml: string, ...args: string[]) => {
    let output = ''
    const collect = (text: string) => {
      output += text
    }
    const code = await run(['verify', 'nutcracker.yml', ...args], {
      write: collect,
      writeError: collect,
      readFile: async () => yml,
    })
    return { code, output }
  }

  it('agrees with a proxy of the same configuration, finds another one out, and leaves nothing behind', async () => {
    const [port, statsPort] = [await freePort(), await freePort()]
    const yml = configuration(port, ['hash: murmur', 'hash_tag: "{}"'], [1, 2, 1])
    const before = await itemCounts()
    const nutcracker = await startNutcracker(yml, port, statsPort)
    try {
      expect(await verify(yml, '--stats', `127.0.0.1:${statsPort}`)).toEqual({
        code: 0,
        output: 'pool: 200 of 200 keys are where the ring says\n',
      })
      const other = await verify(yml.replace('murmur', 'md5'))
      expect(other.code).toBe(1)
      expect(other.output).toMatch(/has another configuration/)
      const shorter = await verify(
        configuration(port, ['hash: murmur'], [1, 2]),
        '--stats',
        `127.0.0.1:${statsPort}`,
      )
      expect(shorter.code).toBe(1)
      expect(shorter.output).toMatch(/the file has no server/)
    } finally {
      await stop(nutcracker)
    }
    expect(await itemCounts()).toEqual(before)
    expect((await verify(yml)).code).toBe(3)
  })
})

async function startNutcracker(
  yml: string,
  port: number,
  statsPort?: number,
): Promise<ChildProcess> {
  const file = join(directory, `${port}.yml`)
  writeFileSync(file, yml)
  const stats = statsPort ?? (await freePort())
  const log = join(directory, `${port}.log`)
  try {
    return await start(
      'nutcracker',
      ['-c', file, '-a', '127.0.0.1', '-s', `${stats}`, '-o', log],
      [{ port }],
    )
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${yml}\n${readFileSync(log, 'utf8')}`, {
      cause: error,
    })
  }
}

const configuration = (port: number, lines: readonly string[], weights: readonly number[]) =>
  [
    'pool:',
    `  listen: 127.0.0.1:${port}`,
    ...lines.map((line) => `  ${line}`),
    '  servers:',
    ...weights.map((weight, i) => `  - ${memcached[i]!.line}:${weight}`),
    '',
  ].join('\n')

function randomConfiguration(random: () => number, port: number): string {
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!
  const lines = ['pool:', `  listen: 127.0.0.1:${port}`]
  const hash = pick([undefined, ...Object.keys(twemproxyHashes)])
  if (hash !== undefined) lines.push(`  hash: ${hash}`)
  const distribution = pick([undefined, 'ketama', 'modula'])
  if (distribution !== undefined) lines.push(`  distribution: ${distribution}`)
  const tag = pick([undefined, undefined, '{}', '$$', '<>', 'é'])
  if (tag !== undefined) lines.push(`  hash_tag: "${tag}"`)
  lines.push('  servers:')
  const servers = memcached.map(({ line }) => line).sort(() => random() - 0.5)
  for (const server of servers.slice(0, 1 + Math.floor(random() * servers.length))) {
    const weight = pick([1, 1, 1, 2, 3, 7, 100])
    const length = 1 + Math.floor(random() * 12)
    const letters = Array.from({ length }, () => pick([...'abcXYZ019-_.:é日']))
    const alias = random() < 0.5 ? '' : ` ${letters.join('')}${servers.indexOf(server)}`
    lines.push(`  - "${server}:${weight}${alias}"`)
  }
  return `${lines.join('\n')}\n`
}

/** Keys of any bytes the protocol allows, some with tags, unique by their beginning. */
function randomKeys(random: () => number, tag: string | undefined, seed: number): Buffer[] {
  const tagBytes = Buffer.from(tag ?? '')
  return Array.from({ length: keysPerConfiguration }, (_, i) => {
    const ascii = random() < 0.5
    const byte = () => {
      const value = 0x21 + Math.floor(random() * (ascii ? 0x5e : 0xdf))
      return value === 0x7f ? 0x7e : value
    }
    const part = (most: number) =>
      Buffer.from(Array.from({ length: Math.floor(random() * most) }, byte))
    const prefix = Buffer.from(`${seed}:${i}:`)
    if (tag === undefined || random() < 0.3) return Buffer.concat([prefix, part(40)])
    return Buffer.concat([
      prefix,
      part(8),
      tagBytes.subarray(0, 1),
      part(8),
      tagBytes.subarray(1),
      part(8),
    ])
  })
}

/** Sends commands at once and reads until so many lines have come. */
async function exchange(
  endpoint: Endpoint,
  commands: readonly Buffer[],
  lines: number,
): Promise<string[]> {
  const socket = dial(endpoint)
  await once(socket, 'connect')
  socket.write(Buffer.concat(commands))
  let text = ''
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1')
    if (text.split('\r\n').length > lines) break
  }
  socket.destroy()
  return text.split('\r\n').slice(0, lines)
}

async function store(endpoint: Endpoint, keys: readonly Buffer[]): Promise<void> {
  const commands = keys.map((key) =>
    Buffer.concat([Buffer.from('set '), key, Buffer.from(' 0 120 1\r\nx\r\n')]),
  )
  const answers = await exchange(endpoint, commands, keys.length)
  expect(answers).toEqual(keys.map(() => 'STORED'))
}

/** Which of the keys a server does not have; asking removes them. */
async function absent(endpoint: Endpoint, keys: readonly Buffer[]): Promise<Buffer[]> {
  if (keys.length === 0) return []
  const commands = keys.map((key) =>
    Buffer.concat([Buffer.from('delete '), key, Buffer.from('\r\n')]),
  )
  const answers = await exchange(endpoint, commands, keys.length)
  return keys.filter((_, i) => answers[i] !== 'DELETED')
}

async function itemCounts(): Promise<(string | undefined)[]> {
  const counts: (string | undefined)[] = []
  for (const { endpoint } of memcached) {
    const socket = dial(endpoint)
    await once(socket, 'connect')
    socket.write('stats\r\n')
    let text = ''
    for await (const chunk of socket) {
      text += String(chunk)
      if (text.endsWith('END\r\n')) break
    }
    socket.destroy()
    counts.push(/STAT curr_items (\d+)/.exec(text)?.[1])
  }
  return counts
}
