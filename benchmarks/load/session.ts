import { writeFileSync } from 'node:fs'
import { startRedis } from '@holdfast/lab/redis-server'
import { median, ratiosWithin, rounded, roundedSpread } from '../micro/figures.ts'
import { installedVersion, measuredOn } from '../micro/measured-on.ts'
import { seededRandom, shuffled } from '../micro/workload.ts'
import { type CandidateProcess, openCandidate } from './in-processes.ts'
import { type Act, sessionCandidates } from './session-candidates.ts'
import { sessionPage } from './session-page.ts'
import { type SessionResults, sessionPagePath, sessionResultsPath } from './session-results.ts'
import { closedLoop, openLoop, startSessions } from './session-visitors.ts'

/*
 * `node load/session.ts`, after a build: Express applications whose requests have sessions, over one Redis. Writes
 * results/session.json and the page that is made from it.
 */

const rounds = Number(process.env.ROUNDS ?? 9)
const warmUpMs = 300
const measuredMs = 1_000
const visitors = 50
const perSecond = 400
const openMs = 1_500
const count = 1_000
const acts: readonly { readonly act: Act; readonly name: string }[] = [
  { act: 'look', name: 'a request that looks at its session' },
  { act: 'change', name: 'one that changes it' },
]

interface Taken {
  readonly perSecond: number
  readonly cpuUs: number
  readonly p99Ms: number
}

const server = await startRedis()
const program = new URL('./session-process.ts', import.meta.url)
const processes: CandidateProcess[] = []
try {
  const ports: number[] = []
  const cookies: string[][] = []
  for (const { name } of sessionCandidates) {
    const one = await openCandidate(name, server.port, program)
    processes.push(one)
    const port = await one.call<number>('port')
    ports.push(port)
    cookies.push(await startSessions(port, count))
  }
  const random = seededRandom(1)
  const order = [...sessionCandidates.keys()]
  /** By candidate, act and round. */
  const taken: Taken[][][] = sessionCandidates.map(() => acts.map(() => []))
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round}`)
    for (const [at, { act }] of acts.entries()) {
      for (const index of shuffled(order, random)) {
        const [port, names, one] = [ports[index]!, cookies[index]!, processes[index]!]
        await closedLoop(port, `/${act}`, names, visitors, warmUpMs)
        const cpuBefore = await one.call<number>('cpuUs')
        const { requests, tookMs } = await closedLoop(port, `/${act}`, names, visitors, measuredMs)
        const cpuUs = (await one.call<number>('cpuUs')) - cpuBefore
        const times = await openLoop(port, `/${act}`, names, perSecond, openMs)
        taken[index]![at]!.push({
          perSecond: (requests / tookMs) * 1_000,
          cpuUs: cpuUs / requests,
          p99Ms: times[Math.floor(times.length * 0.99)]!,
        })
      }
    }
  }
  const figure = (index: number, at: number, of: keyof Taken) =>
    taken[index]![at]!.map((each) => each[of])
  const version = /redis_version:(\S+)/.exec(String(await server.command('INFO', 'server')))?.[1]
  const results: SessionResults = {
    ...measuredOn(),
    server: `Redis ${version}`,
    versions: Object.fromEntries(
      ['express', 'express-session', 'connect-redis', 'redis', 'ioredis'].map((name) => [
        name,
        installedVersion(name),
      ]),
    ),
    rounds,
    sessions: count,
    visitors,
    perSecond,
    acts: acts.map(({ name }) => ({ name })),
    rows: sessionCandidates.map(({ name, what }, index) => ({
      name,
      what,
      figures: acts.map((_, at) => ({
        throughput: roundedSpread(
          ratiosWithin(figure(index, at, 'perSecond'), figure(0, at, 'perSecond')),
          3,
        ),
        perSecond: rounded(median(figure(index, at, 'perSecond')), 0),
        p99Ms: rounded(median(figure(index, at, 'p99Ms')), 2),
        p99: roundedSpread(ratiosWithin(figure(index, at, 'p99Ms'), figure(0, at, 'p99Ms')), 3),
        cpuUs: rounded(median(figure(index, at, 'cpuUs')), 1),
      })),
    })),
  }
  writeFileSync(sessionResultsPath, `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(sessionPagePath, sessionPage(results))
  console.log(sessionPage(results))
} finally {
  for (const each of processes) each.stop()
  await server.stop()
}
