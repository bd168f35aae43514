import { ringCandidates } from './ring-candidates.ts'
import { seed, seededRandom } from './workload.ts'

/*
 * One ring in a process of its own: `ring-child.ts <candidate>`. Its answer is one line of JSON.
 */

/** What is measured of a ring. Times are CPU time of the process. */
export interface RingFigures {
  /** By number of servers, for keys of 20 ASCII characters. */
  readonly lookupNs: Record<number, number>
  /** By number of servers: the first ring of that size, as a service builds one. */
  readonly buildMs: Record<number, number>
  /** Load of the fullest of ten servers against the mean, with 1,000,000 keys that count up. */
  readonly fullest: number
  /** Share of keys that are elsewhere when one of ten servers leaves, the mean over all ten. */
  readonly moved: number
}

const keyCount = 10_000
const random = seededRandom(seed)
// A round trip through bytes leaves a flat string, as a key from the network is.
const keys = Array.from({ length: keyCount }, () =>
  Buffer.from(`user:${String(Math.floor(random() * 1e15)).padStart(15, '0')}`, 'latin1').toString(
    'latin1',
  ),
)
const servers = (count: number) =>
  Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:11211`)

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const candidate = ringCandidates.find(({ name }) => name === process.argv[2])
if (candidate === undefined) throw new Error(`there is no ring '${process.argv[2]}'`)
// Loading the package is not building a ring.
await candidate.build(servers(2))

const lookupNs: Record<number, number> = {}
const buildMs: Record<number, number> = {}
let checksum = 0
for (const count of [4, 10, 100, 1000]) {
  const started = cpuMs()
  const locate = await candidate.build(servers(count))
  buildMs[count] = cpuMs() - started
  const pass = () => {
    for (const key of keys) checksum += locate(key).length
  }
  const warmUntil = cpuMs() + 300
  while (cpuMs() < warmUntil) pass()
  const from = cpuMs()
  let passes = 0
  while (cpuMs() - from < 300) {
    pass()
    passes++
  }
  lookupNs[count] = ((cpuMs() - from) * 1e6) / (passes * keyCount)
}
if (checksum === 0) throw new Error('no ring named a server')

const ten = servers(10)
const full = await candidate.build(ten)
const counts = new Map(ten.map((server) => [server, 0]))
for (let i = 0; i < 1_000_000; i++) {
  const server = full(`user:${i}`)
  counts.set(server, counts.get(server)! + 1)
}
let moved = 0
for (const leaving of ten) {
  const left = await candidate.build(ten.filter((server) => server !== leaving))
  for (const key of keys) if (left(key) !== full(key)) moved++
}

const figures: RingFigures = {
  lookupNs,
  buildMs,
  fullest: Math.max(...counts.values()) / 100_000,
  moved: moved / (ten.length * keyCount),
}
console.log(JSON.stringify(figures))
// Some peers leave timers behind.
process.exit(0)
