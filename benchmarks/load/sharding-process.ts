import { answer } from '@holdfast/lab/client-protocol'
import { keyOf } from '../micro/workload.ts'
import { type Cluster, shardingCandidates } from './sharding-candidates.ts'

/* One way to a value in a process of its own: `sharding-process.ts <name> <cluster as JSON>`. */

const [name, cluster] = process.argv.slice(2)
const candidate = shardingCandidates.find((each) => each.name === name)
if (candidate === undefined) throw new Error(`there is no candidate '${name}'`)
const keys = Array.from({ length: 1_000 }, (_, index) => keyOf(index))
const ask = await candidate.open(JSON.parse(String(cluster)) as Cluster)

async function lanes(inFlight: number, apart: boolean, forMs: number): Promise<number> {
  const endsAt = performance.now() + forMs
  let calls = 0
  let next = 0
  const call = async () => {
    calls++
    next = (next + 7) % keys.length
    if (!(await ask(keys[next]!))) throw new Error(`${name} did not find ${keys[next]}`)
  }
  const together = async () => {
    while (performance.now() < endsAt) await call()
  }
  const inOwnCallback = () =>
    new Promise<void>((done, failed) => {
      const one = () => {
        if (performance.now() >= endsAt) done()
        else call().then(() => setImmediate(one), failed)
      }
      setImmediate(one)
    })
  await Promise.all(Array.from({ length: inFlight }, apart ? inOwnCallback : together))
  return calls
}

answer({
  /** Connects, and finds every key. */
  async fill() {
    for (let tries = 0; ; tries++) {
      try {
        for (const key of keys)
          if (!(await ask(key))) throw new Error(`${name} did not find ${key}`)
        return
      } catch (error) {
        if (tries === 50) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  },
  /** So many calls took so long, and so much of this process's CPU time. */
  async hits(inFlight: number, apart: boolean, warmUpMs: number, forMs: number) {
    await lanes(inFlight, apart, warmUpMs)
    const cpuBefore = process.cpuUsage()
    const since = performance.now()
    const calls = await lanes(inFlight, apart, forMs)
    const tookMs = performance.now() - since
    const { user, system } = process.cpuUsage(cpuBefore)
    return { calls, tookMs, cpuUs: user + system }
  },
})
