import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { startNutcracker } from '@holdfast/lab/nutcracker-proxy'
import { requireProgram } from '@holdfast/lab/programs'
import { memcachedStore } from '@holdfast/memcached'
import { installedVersion, measuredOn } from '../micro/measured-on.ts'
import { keyOf, makeUser } from '../micro/workload.ts'
import { measureHitRows } from './hit-rows.ts'
import { type CandidateProcess, openCandidate } from './in-processes.ts'
import {
  fleetCandidates,
  type MemcachedCandidate,
  type Places,
  singleCandidates,
} from './memcached-candidates.ts'
import { memcachedPage } from './memcached-page.ts'
import {
  type MemcachedResults,
  memcachedPagePath,
  memcachedResultsPath,
} from './memcached-results.ts'
import type { HitRow, Mode } from './results.ts'

/*
 * `node load/memcached.ts`, after a build: values on one Memcached, and on four with and without a nutcracker. Writes
 * results/memcached.json and the page that is made from it.
 */

const rounds = Number(process.env.ROUNDS ?? 7)
const modes: readonly Mode[] = [
  { name: '1', inFlight: 1, apart: false },
  { name: '50', inFlight: 50, apart: false },
  { name: '500', inFlight: 500, apart: false },
  { name: '50 apart', inFlight: 50, apart: true },
]
const names = ['one', 'two', 'three', 'four']
const clients = ['memjs', 'memcache', 'keyv', '@keyv/memcache']

const [single, ...four] = await Promise.all(
  Array.from({ length: 1 + names.length }, () => startMemcached()),
)
// Spreads keys that differ at their end only, which twemproxy's default does not.
const ring = { hash: 'murmur', distribution: 'ketama' } as const
const proxy = await startNutcracker({
  servers: four.map(({ address }, index) => `${address}:1 ${names[index]}`),
  pool: ring,
})
const places: Places = {
  port: single!.port,
  proxyPort: proxy.port,
  pool: {
    compat: 'twemproxy',
    ...ring,
    servers: four.map(({ port }, index) => ({
      name: names[index]!,
      host: '127.0.0.1',
      port,
      weight: 1,
    })),
  },
}

try {
  await fill()
  const results: MemcachedResults = {
    ...measuredOn(),
    server: `${serverVersion()}, and nutcracker 0.5 before four of them`,
    versions: Object.fromEntries(clients.map((name) => [name, installedVersion(name)])),
    rounds,
    modes,
    single: await measure(singleCandidates),
    fleet: await measure(fleetCandidates),
  }
  writeFileSync(memcachedResultsPath, `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(memcachedPagePath, memcachedPage(results))
  console.log(memcachedPage(results))
} finally {
  await proxy.stop()
  await Promise.all([single, ...four].map((server) => server?.stop()))
}

function serverVersion(): string {
  return execFileSync(requireProgram('memcached'), ['-V']).toString().trim()
}

/** Puts the values where the candidates without a cache look for them. */
async function fill(): Promise<void> {
  const { pool, port } = places
  const stores = [memcachedStore(pool), memcachedStore({ servers: [`127.0.0.1:${port}`] })]
  for (const store of stores) {
    for (let index = 0; index < 1_000; index++) {
      const bytes = new TextEncoder().encode(JSON.stringify(makeUser(index)))
      await store.set(keyOf(index), bytes, { ttlMs: Number.POSITIVE_INFINITY })
    }
  }
  await Promise.all(stores.map((store) => store.close()))
}

async function measure(candidates: readonly MemcachedCandidate[]): Promise<HitRow[]> {
  const program = new URL('./memcached-process.ts', import.meta.url)
  const processes: CandidateProcess[] = []
  try {
    for (const { name } of candidates) {
      processes.push(await openCandidate(name, JSON.stringify(places), program))
    }
    return await measureHitRows(candidates, processes, modes, rounds)
  } finally {
    for (const each of processes) each.stop()
  }
}
