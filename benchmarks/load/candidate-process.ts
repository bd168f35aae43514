import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from '@holdfast/lab/client-protocol'
import { keyOf, makeUser } from '../micro/workload.ts'
import { candidateNamed } from './candidates.ts'
import { timeLanes } from './lanes.ts'

/* One candidate in a process of its own: `candidate-process.ts <name> <port>`. The parent asks it for measurements. */

const [name, port] = process.argv.slice(2)
const keys = Array.from({ length: 1_000 }, (_, index) => keyOf(index))
let loads = 0
let loadMs = 0
const ask = await candidateNamed(String(name)).open(Number(port), async (key) => {
  loads++
  if (loadMs > 0) await sleep(loadMs)
  return makeUser(Number(key.slice(key.indexOf(':') + 1)))
})

let next = 0
const call = () => {
  next = (next + 7) % keys.length
  return ask(keys[next]!)
}

answer({
  async fill() {
    for (const key of keys) await ask(key)
    loads = 0
  },
  /** Calls a second, and the client's CPU time of each in microseconds. */
  async hits(inFlight: number, apart: boolean, warmUpMs: number, forMs: number) {
    const { calls, tookMs, cpuUs } = await timeLanes(call, inFlight, apart, warmUpMs, forMs)
    if (loads > 0) throw new Error(`${loads} of ${calls} hits were none`)
    return { perSecond: (calls / tookMs) * 1_000, cpuUs: cpuUs / calls }
  },
  /** CPU time of one awaited hit, one after the other, in nanoseconds. */
  async awaited(warmUpMs: number, forMs: number) {
    const slice = async (ms: number) => {
      const endsAt = performance.now() + ms
      let calls = 0
      while (performance.now() < endsAt) {
        for (let index = 0; index < 4_096; index++) await ask(keys[(index * 7) % keys.length]!)
        calls += 4_096
      }
      return calls
    }
    await slice(warmUpMs)
    const before = process.cpuUsage()
    const calls = await slice(forMs)
    const { user, system } = process.cpuUsage(before)
    return ((user + system) * 1_000) / calls
  },
  /** So many callers at once; how long each waited, and how often the loader ran. */
  async atOnce(key: string, callers: number, eachLoadMs: number) {
    loadMs = eachLoadMs
    const before = loads
    const since = performance.now()
    const waitedMs = await Promise.all(
      Array.from({ length: callers }, async () => {
        await ask(key)
        return performance.now() - since
      }),
    )
    return { waitedMs, loads: loads - before }
  },
})
