import { setTimeout as sleep } from 'node:timers/promises'
import { type AirportApi, type AirportData, airportDatabase } from './airports.ts'
import { latency, type Random, seeded } from './random.ts'
import { type Service, serve } from './service.ts'

/** The character of the origin: an honest database behind an API, slow, busy and at times failing. */
export const character = {
  medianMs: 60,
  slowestMs: 1_000,
  /** Requests it works on at once; the others wait in line. */
  workers: 50,
  /** Share of requests that it answers with an error on an ordinary day. */
  failing: 0.01,
}

export interface Origin extends Service {
  /** Requests it has received. */
  calls: number
  /** While true, every request fails. */
  down: boolean
  /** Share of requests that fail although it is up. */
  failing: number
}

/** Starts the slow service. With the same seed it is slow and failing in the same places. */
export async function startOrigin(data: AirportData, seed: number): Promise<Origin> {
  const database = airportDatabase(data)
  const random = seeded(seed)
  const worker = line(character.workers)

  const slowly = async <T>(look: () => Promise<T>): Promise<T> => {
    origin.calls++
    if (origin.down) throw new Error('the origin is down')
    const fails = random() < origin.failing
    const tookMs = delay(random)
    return worker(async () => {
      await sleep(tookMs)
      if (fails || origin.down) throw new Error('the origin failed')
      return look()
    })
  }
  const slowApi: AirportApi = {
    airport: (iata) => slowly(() => database.airport(iata)),
    nearby: (iata) => slowly(() => database.nearby(iata)),
    country: (code) => slowly(() => database.country(code)),
  }
  const origin: Origin = {
    calls: 0,
    down: false,
    failing: character.failing,
    ...(await serve(slowApi)),
  }
  return origin
}

const delay = (random: Random): number =>
  Math.min(latency(random, character.medianMs, 0.6), character.slowestMs)

/** A line in front of a number of workers: first come, first served. */
function line(workers: number): <T>(work: () => Promise<T>) => Promise<T> {
  let busy = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (busy < workers) busy++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place is handed to the next in line, or given up.
      const next = waiting.shift()
      if (next === undefined) busy--
      else next()
    }
  }
}
