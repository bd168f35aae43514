import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcess, startProcesses } from '@holdfast/lab/client-process'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

interface AtOnce {
  readonly results: readonly {
    readonly value?: string
    readonly error?: string
    readonly ms: number
  }[]
  readonly loads: number
}

const client = new URL('./clients/cache-client.ts', import.meta.url)

describe.each(['redis', 'valkey'] as const)('processes that share %s', (engine) => {
  let server: RedisServer
  const clients: ClientProcess[] = []
  beforeAll(async () => {
    server = await startRedis({ engine })
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((each) => each.stop()))
  })

  async function start(count: number, settings = {}): Promise<ClientProcess[]> {
    const started = await startProcesses(count, client, {
      args: [String(server.port), JSON.stringify(settings)],
    })
    clients.push(...started)
    // Connected, and heard on the bus.
    await Promise.all(started.map((each) => each.call('get', 'warm-up')))
    await sleep(200)
    return started
  }

  test('8 processes with 25 callers each load a cold key once', async () => {
    const processes = await start(8)
    const answers = await Promise.all(
      processes.map((each) => each.call<AtOnce>('wrapAtOnce', 'cold', 25, 50, 'v', {})),
    )
    const results = answers.flatMap(({ results }) => results)
    expect(answers.reduce((sum, { loads }) => sum + loads, 0)).toBe(1)
    expect(results.every(({ value }) => value === 'v')).toBe(true)
    const times = results.map(({ ms }) => ms).sort((a, b) => a - b)
    console.log(engine, 'p50', times[100], 'p99', times[197], 'max', times[199])
  })

  test('a failing loader: its error for all callers of its process, one try at once in each other', async () => {
    const processes = await start(8)
    const since = performance.now()
    const answers = await Promise.all(
      processes.map((each) => each.call<AtOnce>('wrapAtOnce', 'bad', 25, 50, '!broken', {})),
    )
    console.log(
      engine,
      'failing took',
      performance.now() - since,
      answers.map(({ loads }) => loads).join(),
    )
    expect(answers.flatMap(({ results }) => results).every(({ error }) => error === 'broken')).toBe(
      true,
    )
    expect(answers.every(({ loads }) => loads <= 1)).toBe(true)
  })

  test('a holder that is killed frees the key', async () => {
    const [holder, other] = (await start(2)) as [ClientProcess, ClientProcess]
    holder.call('wrap', 'killed', 5_000, 'never', {}).catch(() => {})
    await sleep(300)
    const since = performance.now()
    const waiting = other.call<string>('wrap', 'killed', 0, 'mine', {})
    await holder.kill('SIGKILL')
    expect(await waiting).toBe('mine')
    console.log(engine, 'killed: next load after', performance.now() - since)
    expect(performance.now() - since).toBeLessThan(1_400)
  })

  test('a holder whose event loop blocks for 500 ms keeps its claim', async () => {
    const [holder, other] = (await start(2)) as [ClientProcess, ClientProcess]
    const held = holder.call<string>('wrap', 'blocked', 900, 'held', {})
    await sleep(200)
    const waiting = other.call<string>('wrap', 'blocked', 0, 'taken', {})
    await sleep(50)
    await holder.call('block', 500)
    expect(await Promise.all([held, waiting])).toEqual(['held', 'held'])
  })

  test('a holder that was stopped for 10 s and wakes stores nothing', async () => {
    const [holder, other] = (await start(2)) as [ClientProcess, ClientProcess]
    const held = holder.call<string>('wrap', 'slept', 500, 'old', {})
    await sleep(200)
    holder.pause()
    expect(await other.call('wrap', 'slept', 0, 'new', {})).toBe('new')
    await other.call('delete', 'slept')
    await sleep(3_000)
    holder.resume()
    await held
    await sleep(300)
    expect(await other.call('get', 'slept')).toBe(undefined)
  }, 20_000)

  test('a stale key is refreshed once, and nobody waits', async () => {
    const processes = await start(8)
    const options = { ttl: 300, staleWhileRevalidate: 60_000, jitter: 0, earlyRefresh: false }
    await processes[0]?.call('wrap', 'stale', 0, 'one', options)
    await Promise.all(processes.map((each) => each.call('wrap', 'stale', 0, 'no', options)))
    await sleep(400)
    const answers = await Promise.all(
      processes.map((each) => each.call<AtOnce>('wrapAtOnce', 'stale', 25, 100, 'two', options)),
    )
    await sleep(300)
    const loads = await Promise.all(processes.map((each) => each.call<number>('loads')))
    console.log(
      engine,
      'stale loads',
      loads.join(),
      'slowest',
      Math.max(...answers.flatMap(({ results }) => results.map(({ ms }) => ms))),
    )
    expect(loads.reduce((sum, each) => sum + each, 0)).toBe(2)
    expect(await processes[7]?.call('get', 'stale')).toBe('two')
  })

  test.each(['delete', 'invalidateTags', 'clear', 'set'] as const)(
    '%s while another process loads: no later read is old',
    async (operation) => {
      const processes = await start(4)
      const [loading, invalidating] = processes as [ClientProcess, ClientProcess]
      let old = 0
      for (let round = 0; round < 25; round++) {
        const key = `${operation}-${round}`
        const options = { tags: ['a-tag'] }
        const began = new Promise<void>((resolve) => {
          loading.on('loading', (loaded) => loaded === key && resolve())
        })
        const load = loading.call<string>('wrap', key, 20, 'old', options)
        await began
        const args = {
          delete: [key],
          invalidateTags: [['a-tag']],
          clear: [],
          set: [key, 'set', options],
        }[operation]
        await invalidating.call(operation, ...args)
        const reads = await Promise.all(
          processes.flatMap((each) => [
            each.call<string>('wrap', key, 0, 'new', options),
            each.call<string>('wrap', key, 0, 'new', options),
          ]),
        )
        old += reads.filter((value) => value === 'old').length
        await load
        const later = await Promise.all(processes.map((each) => each.call<string>('get', key)))
        old += later.filter((value) => value === 'old').length
      }
      expect(old).toBe(0)
    },
    30_000,
  )

  test('a server that stops answering costs no call more than its store timeout', async () => {
    const [one] = (await start(1)) as [ClientProcess]
    await one.call('wrap', 'hang', 0, 'v', {})
    server.pause()
    try {
      const answer = await one.call<AtOnce>('wrapAtOnce', 'hang-2', 25, 0, 'w', {})
      expect(answer.results.every(({ value }) => value === 'w')).toBe(true)
      console.log(engine, 'hung: slowest', Math.max(...answer.results.map(({ ms }) => ms)))
      expect(Math.max(...answer.results.map(({ ms }) => ms))).toBeLessThan(300)
    } finally {
      server.resume()
    }
  })
})
void startProcess
