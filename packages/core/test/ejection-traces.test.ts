import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Ejection } from '../src/sharding/ejection.ts'
import { createRing } from '../src/sharding/ring.ts'
import { type FakeClock, fakeClock } from '../src/testing/fake-clock.ts'

interface Step {
  readonly do?: string
  readonly note?: string
  readonly reply?: string
  readonly stored_at?: number
  readonly server_ejects?: number
  readonly forward_error?: number
}
interface Trace {
  readonly id: string
  readonly about: string
  readonly settings?: readonly string[]
  readonly servers: readonly string[]
  readonly steps?: readonly Step[]
}

const file = new URL('./fixtures/sharding/twemproxy/ejection-traces.json', import.meta.url)
const { traces } = JSON.parse(readFileSync(file, 'utf8')) as { traces: readonly Trace[] }
const ejecting = traces.filter(({ settings }) => settings?.includes('auto_eject_hosts: true'))

const setting = (trace: Trace, name: string) =>
  Number(trace.settings?.find((line) => line.startsWith(`${name}:`))?.split(': ')[1])

/** Servers that die and freeze, and a proxy whose only memory is one `Ejection` for each. */
class TracedProxy {
  readonly #clock: FakeClock
  readonly #servers: { state: 'up' | 'dead' | 'frozen' | 'full'; connected: boolean }[]
  readonly #ejections: Ejection[]
  readonly #ring
  readonly #names: string[]
  readonly #timeoutMs: number
  errors = 0

  constructor(trace: Trace, clock: FakeClock) {
    this.#clock = clock
    this.#names = trace.servers.map((line) => line.slice(0, line.lastIndexOf(':')))
    this.#ring = createRing({
      compat: 'twemproxy',
      servers: this.#names.map((name) => ({ name })),
    })
    // Each trace began with a value on every server, so with a connection to every server.
    this.#servers = this.#names.map(() => ({ state: 'up', connected: true }))
    this.#timeoutMs = setting(trace, 'timeout')
    const settings = {
      failureLimit: setting(trace, 'server_failure_limit'),
      retryAfterMs: setting(trace, 'server_retry_timeout'),
      probes: false,
    }
    this.#ejections = this.#names.map(
      () =>
        new Ejection(
          settings,
          clock,
          () => Promise.resolve(),
          () => {},
        ),
    )
  }

  get ejects() {
    return this.#ejections.reduce((sum, { ejects }) => sum + ejects, 0)
  }

  turn(server: number, state: 'up' | 'dead' | 'frozen' | 'full') {
    const there = this.#servers[server]!
    there.state = state
    // To twemproxy the end of a connection is a failure, also of one that nobody uses.
    if (state === 'dead' && there.connected) this.#ejections[server]!.failed()
    if (state === 'dead') there.connected = false
  }

  /** Where it is stored, or `undefined` for an error. */
  async set(key: string): Promise<number | undefined> {
    for (const ejection of this.#ejections) ejection.look()
    const out = this.#names.filter((_, index) => this.#ejections[index]!.isOut)
    const at =
      out.length === this.#names.length ? undefined : this.#ring.without(out).locateIndex(key)
    if (at === undefined) {
      this.errors++
      return undefined
    }
    const { state } = this.#servers[at]!
    if (state === 'up') {
      this.#servers[at]!.connected = true
      this.#ejections[at]!.succeeded()
      return at
    }
    if (state === 'frozen') await this.#clock.advance(this.#timeoutMs)
    this.errors++
    this.#ejections[at]!.failed()
    return undefined
  }
}

describe('what was traced on twemproxy 0.5.0 while servers died and came back', () => {
  it('is a handful of traces', () => {
    expect(ejecting.map(({ id }) => id)).toEqual([
      'limit-1',
      'limit-3',
      'limit-3-reset',
      'frozen',
      'all-dead',
      'retry-timeout-0',
      'limit-0',
      'redis-oom',
    ])
  })

  for (const trace of ejecting) {
    it(`${trace.id}: ${trace.about}`, async () => {
      const clock = fakeClock()
      const proxy = new TracedProxy(trace, clock)
      for (const step of trace.steps ?? []) {
        const act = step.do ?? step.note ?? ''
        const server = Number(/server (\d+)/.exec(act)?.[1])
        if (act.startsWith('set ')) {
          const stored = await proxy.set(act.split(' ')[1]!)
          const isStored = step.reply === 'STORED' || step.reply === '+OK'
          expect([act, stored]).toEqual([act, isStored ? step.stored_at : undefined])
        } else if (act.startsWith('kill')) proxy.turn(server, 'dead')
        else if (act.startsWith('start') || act.startsWith('thaw')) proxy.turn(server, 'up')
        else if (act.startsWith('freeze')) proxy.turn(server, 'frozen')
        else if (act.startsWith('wait')) await clock.advance(Number(/(\d+) ms/.exec(act)![1]))
        else if (act === 'stats') {
          expect(proxy.ejects).toBe(step.server_ejects)
          expect(proxy.errors).toBe(step.forward_error)
        } else if (act.includes('maxmemory')) proxy.turn(server, 'full')
        else expect.unreachable(`the step '${act}' is not understood`)
      }
    })
  }
})
