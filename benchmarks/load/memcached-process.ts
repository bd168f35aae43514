import { answer } from '@holdfast/lab/client-protocol'
import { keyOf } from '../micro/workload.ts'
import { timeLanes } from './lanes.ts'
import { fleetCandidates, type Places, singleCandidates } from './memcached-candidates.ts'

/* One way to a value in a process of its own: `memcached-process.ts <name> <places as JSON>`. */

const [name, places] = process.argv.slice(2)
const candidate = [...singleCandidates, ...fleetCandidates].find((each) => each.name === name)
if (candidate === undefined) throw new Error(`there is no candidate '${name}'`)
const keys = Array.from({ length: 1_000 }, (_, index) => keyOf(index))
let loads = 0
const ask = await candidate.open(JSON.parse(String(places)) as Places, () => {
  loads++
})

// Nothing of our own around what is measured: whether all is there is found out before and after.
let next = 0
const call = () => {
  next = (next + 7) % keys.length
  return ask(keys[next]!)
}

const isThere = async (key: string) => {
  const before = loads
  return Boolean(await ask(key)) && loads === before
}

answer({
  /** Connects, and finds every key, which a cache has stored itself the first time it was asked. */
  async fill() {
    for (const key of keys) {
      for (let tries = 0; !(await isThere(key)); tries++) {
        if (tries === 3) throw new Error(`${name} did not find ${key}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  },
  /** Calls a second, and the client's CPU time of each in microseconds. */
  async hits(inFlight: number, apart: boolean, warmUpMs: number, forMs: number) {
    const before = loads
    const { calls, tookMs, cpuUs } = await timeLanes(call, inFlight, apart, warmUpMs, forMs)
    for (const key of keys)
      if (!(await isThere(key))) throw new Error(`${name} did not find ${key}`)
    if (loads > before) throw new Error(`${name} had to load ${loads - before} of ${calls}`)
    return { perSecond: (calls / tookMs) * 1_000, cpuUs: cpuUs / calls }
  },
})
