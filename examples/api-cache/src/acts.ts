import { setTimeout as sleep } from 'node:timers/promises'
import { apiKey, type Cache } from '@holdfast/core'
import type { AirportData } from './airports.ts'
import { type Answer, percentile, sendTraffic } from './load.ts'
import type { Arm, Stage } from './stage.ts'
import { type Arrival, planTraffic, type TrafficOptions } from './traffic.ts'

/** What the users of one service saw, and what it cost the origin. */
export interface Figures {
  requests: number
  errors: number
  originCalls: number
  p50Ms: number
  p99Ms: number
  slowestMs: number
}

/** The same requests to both services, and how the cache answered those it was asked. */
export interface Result {
  without: Figures
  cached: Figures
  reads: Reads
}

export interface Reads {
  fresh: number
  stale: number
  missed: number
}

/** How far an act has come. */
export interface Progress {
  atMs: number
  ofMs: number
  answers: number
  callsWithout: number
  callsCached: number
}

export type OnProgress = (progress: Progress) => void

/** Act one: a stretch of ordinary traffic. */
export async function ordinaryDay(
  stage: Stage,
  data: AirportData,
  traffic: TrafficOptions,
  onProgress: OnProgress = () => {},
): Promise<Result> {
  const { without, cached, reads } = await playBoth(stage, planTraffic(data, traffic), onProgress)
  return { without: without.figures, cached: cached.figures, reads }
}

/** Act two: many users want the same thing at the moment at which nobody remembers it. */
export async function stampede(stage: Stage, callers: number): Promise<Result> {
  const plan: Arrival[] = Array(callers).fill({ atMs: 0, path: '/countries/IS/airports' })
  const arms = [stage.without, stage.cached]
  const usual = arms.map(({ origin }) => origin.failing)

  // An origin that fails now and then would turn this act into a matter of luck.
  for (const { origin } of arms) origin.failing = 0
  await stage.cache.delete(apiKey('countries', 'airports', 'IS'))
  const before = readsOf(stage.cache)
  // One after the other: so many users at once keep the machine busy enough.
  const without = await play(stage.without, plan, undefined, callers)
  const cached = await play(stage.cached, plan, undefined, callers)
  arms.forEach(({ origin }, index) => {
    origin.failing = usual[index] ?? 0
  })
  return {
    without: without.figures,
    cached: cached.figures,
    reads: difference(before, readsOf(stage.cache)),
  }
}

export interface OutageOptions extends TrafficOptions {
  /** The origin is down from this second of the act … */
  downFrom: number
  /** … to this one. */
  downTo: number
}

export interface OutageResult extends Result {
  /** Errors for what had never been answered before, where there is nothing to fall back to. */
  unknown: number
  /** Loads that failed without any user seeing it. */
  hiddenFailures: number
  /** Share of bad answers in each slice of time. */
  errorShares: { without: number[]; cached: number[] }
}

/** Width of a slice of `errorShares`. */
export const sliceMs = 1_000 / 3

/** Act three: the origin goes down under traffic, and comes back. The figures are those of the outage alone. */
export async function outage(
  stage: Stage,
  data: AirportData,
  options: OutageOptions,
  onProgress: OnProgress = () => {},
): Promise<OutageResult> {
  const origins = [stage.without.origin, stage.cached.origin]
  const pullThePlug = async () => {
    await sleep(options.downFrom * 1_000)
    for (const origin of origins) origin.down = true
    const readsBefore = readsOf(stage.cache)
    const hiddenBefore = stage.hiddenFailures
    const callsBefore = origins.map(({ calls }) => calls)
    await sleep((options.downTo - options.downFrom) * 1_000)
    for (const origin of origins) origin.down = false
    return {
      calls: origins.map(({ calls }, index) => calls - (callsBefore[index] ?? 0)),
      reads: difference(readsBefore, readsOf(stage.cache)),
      hiddenFailures: stage.hiddenFailures - hiddenBefore,
    }
  }
  const [{ without, cached }, { calls, reads, hiddenFailures }] = await Promise.all([
    playBoth(stage, planTraffic(data, options), onProgress),
    pullThePlug(),
  ])
  const during = ({ atMs }: Answer) =>
    atMs >= options.downFrom * 1_000 && atMs < options.downTo * 1_000
  return {
    without: figuresOf(without.answers.filter(during), calls[0] ?? 0),
    cached: figuresOf(cached.answers.filter(during), calls[1] ?? 0),
    unknown: cached.unknown.filter(during).length,
    reads,
    hiddenFailures,
    errorShares: {
      without: errorShares(without.answers, options.seconds * 1_000),
      cached: errorShares(cached.answers, options.seconds * 1_000),
    },
  }
}

interface Played {
  answers: Answer[]
  /** The bad answers for paths that this arm had never answered before. */
  unknown: Answer[]
  figures: Figures
}

async function play(
  arm: Arm,
  plan: readonly Arrival[],
  onAnswer: () => void = () => {},
  connections = 0,
): Promise<Played> {
  const callsBefore = arm.origin.calls
  const unknown: Answer[] = []
  const watch = (answer: Answer) => {
    if (answer.ok) arm.answered.add(answer.path)
    else if (!arm.answered.has(answer.path)) unknown.push(answer)
    onAnswer()
  }
  const answers = await sendTraffic(plan, arm.front.url, { onAnswer: watch, connections })
  return { answers, unknown, figures: figuresOf(answers, arm.origin.calls - callsBefore) }
}

/** The same plan to both services at the same time. */
async function playBoth(
  stage: Stage,
  plan: readonly Arrival[],
  onProgress: OnProgress,
): Promise<{ without: Played; cached: Played; reads: Reads }> {
  const startedAt = performance.now()
  const callsBefore = { without: stage.without.origin.calls, cached: stage.cached.origin.calls }
  const readsBefore = readsOf(stage.cache)
  let answers = 0
  const count = () => {
    answers++
  }
  const ticking = setInterval(() => {
    onProgress({
      atMs: performance.now() - startedAt,
      ofMs: plan.at(-1)?.atMs ?? 0,
      answers,
      callsWithout: stage.without.origin.calls - callsBefore.without,
      callsCached: stage.cached.origin.calls - callsBefore.cached,
    })
  }, 100)
  try {
    const [without, cached] = await Promise.all([
      play(stage.without, plan, count),
      play(stage.cached, plan, count),
    ])
    return { without, cached, reads: difference(readsBefore, readsOf(stage.cache)) }
  } finally {
    clearInterval(ticking)
  }
}

function figuresOf(answers: readonly Answer[], originCalls: number): Figures {
  return {
    requests: answers.length,
    errors: answers.filter(({ ok }) => !ok).length,
    originCalls,
    p50Ms: percentile(answers, 0.5),
    p99Ms: percentile(answers, 0.99),
    slowestMs: percentile(answers, 1),
  }
}

function errorShares(answers: readonly Answer[], ofMs: number): number[] {
  return Array.from({ length: Math.ceil(ofMs / sliceMs) }, (_, slice) => {
    const inside = answers.filter(({ atMs }) => Math.floor(atMs / sliceMs) === slice)
    return inside.length === 0 ? 0 : inside.filter(({ ok }) => !ok).length / inside.length
  })
}

function readsOf(cache: Cache): Reads {
  const { hits, stale, misses } = cache.stats()
  return { fresh: hits, stale, missed: misses }
}

const difference = (before: Reads, after: Reads): Reads => ({
  fresh: after.fresh - before.fresh,
  stale: after.stale - before.stale,
  missed: after.missed - before.missed,
})
