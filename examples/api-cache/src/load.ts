import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Arrival } from './traffic.ts'

/** What one user saw. */
export interface Answer {
  /** When the request was due, counted from the start of the run. */
  atMs: number
  /** From the moment it was due to the last byte of the answer. */
  tookMs: number
  ok: boolean
  path: string
}

export interface LoadOptions {
  onAnswer?: (answer: Answer) => void
  /** Connections opened before the first request, so that opening them is not part of any answer. */
  connections?: number
}

/**
 * Sends requests when they are due, whether or not earlier ones have been answered (an open loop), and
 * measures from when each was due: a slow service cannot hide by slowing down its users.
 */
export async function sendTraffic(
  plan: readonly Arrival[],
  url: string,
  { onAnswer = () => {}, connections = 0 }: LoadOptions = {},
): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: Number.POSITIVE_INFINITY })
  await Promise.all(Array.from({ length: connections }, () => request(`${url}/`, agent)))

  const startedAt = performance.now()
  const send = async ({ atMs, path }: Arrival): Promise<Answer> => {
    const ok = await request(`${url}${path}`, agent)
    const answer = { atMs, tookMs: performance.now() - startedAt - atMs, ok, path }
    onAnswer(answer)
    return answer
  }

  try {
    const answers: Promise<Answer>[] = []
    for (const arrival of plan) {
      const earlyMs = arrival.atMs - (performance.now() - startedAt)
      if (earlyMs > 0) await sleep(earlyMs)
      answers.push(send(arrival))
    }
    return await Promise.all(answers)
  } finally {
    agent.destroy()
  }
}

/** Resolves whether the answer was a good one; a broken connection is a bad answer, too. */
function request(url: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      response.on('error', () => resolve(false))
      response.on('end', () => resolve(response.statusCode === 200))
      response.resume()
    }).on('error', () => resolve(false))
  })
}

/** The latency that a share of the answers (0.99 = all but the slowest hundredth) stays within. */
export function percentile(answers: readonly Answer[], share: number): number {
  const sorted = answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
