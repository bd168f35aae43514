import { answer } from '@holdfast/lab/client-protocol'
import { keyOf } from '../micro/workload.ts'
import { timeLanes } from './lanes.ts'
import { type Cluster, shardingCandidates } from './sharding-candidates.ts'

/* One way to a value in a process of its own: `sharding-process.ts <name> <cluster as JSON>`. */

const [name, cluster] = process.argv.slice(2)
const candidate = shardingCandidates.find((each) => each.name === name)
if (candidate === undefined) throw new Error(`there is no candidate '${name}'`)
const keys = Array.from({ length: 1_000 }, (_, index) => keyOf(index))
const ask = await candidate.open(JSON.parse(String(cluster)) as Cluster)

let next = 0
const call = async () => {
  next = (next + 7) % keys.length
  if (!(await ask(keys[next]!))) throw new Error(`${name} did not find ${keys[next]}`)
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
  hits: (inFlight: number, apart: boolean, warmUpMs: number, forMs: number) =>
    timeLanes(call, inFlight, apart, warmUpMs, forMs),
})
