import { type Cache, createCache } from '@holdfast/core'
import type { AirportData } from './airports.ts'
import { cachedApi, policies } from './cached-api.ts'
import { type Origin, startOrigin } from './origin.ts'
import { originClient } from './origin-client.ts'
import { type Service, serve } from './service.ts'

/** A service in front of an origin of its own. */
export interface Arm {
  origin: Origin
  front: Service
  /** What it has answered at least once. */
  answered: Set<string>
}

/** The same service twice: one asks its origin every time, the other one remembers. */
export interface Stage extends AsyncDisposable {
  without: Arm
  cached: Arm
  cache: Cache
  /** Loads that failed without any user seeing it: a stale value stood in. */
  hiddenFailures: number
}

export async function openStage(data: AirportData, seed: number): Promise<Stage> {
  const cache = createCache({ name: 'airports', policies })
  const without = await openArm(data, seed)
  const cached = await openArm(data, seed, cache)
  const stage: Stage = {
    without,
    cached,
    cache,
    hiddenFailures: 0,
    async [Symbol.asyncDispose]() {
      const services = [without.front, cached.front, without.origin, cached.origin]
      await Promise.all(services.map((service) => service.close()))
      await cache.close()
    },
  }
  cache.on('error', ({ kind }) => {
    if (kind === 'refresh' || kind === 'fallback') stage.hiddenFailures++
  })
  return stage
}

async function openArm(data: AirportData, seed: number, cache?: Cache): Promise<Arm> {
  const origin = await startOrigin(data, seed)
  const client = originClient(origin.url)
  const front = await serve(cache === undefined ? client : cachedApi(cache, client))
  return { origin, front, answered: new Set() }
}
