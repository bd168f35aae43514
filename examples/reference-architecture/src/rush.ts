import { setTimeout as sleep } from 'node:timers/promises'
import { productIds } from './owners.ts'
import type { Stage } from './stage.ts'
import type { Seen, Visitor } from './visitor.ts'

/** What a rush of requests came to. */
export interface Rush {
  readonly sessionRequests: number
  readonly answered: number
  /** 503 with Retry-After: try again, nothing was pretended. */
  readonly toldToRetry: number
  /** 401 for somebody who is logged in: the worst that a session store can do. */
  readonly strangers: number
  /** Anything else. */
  readonly broken: number
  readonly slowestMs: number
  /** Requests for products, which need no session. */
  readonly productRequests: number
  readonly productsFailed: number
  /** `performance.now()` of each basket that was acknowledged. */
  readonly keptAt: readonly number[]
}

/** All visitors go on until `end`: each looks at itself and fills its basket, at whichever process comes next. */
export function startRush({ visitors, anyPort }: Stage): { end(): Promise<Rush> } {
  let isOn = true
  const seen: Seen[] = []
  const products: Seen[] = []
  const keptAt: number[] = []

  async function visit(visitor: Visitor, index: number): Promise<void> {
    await sleep(index * 5)
    for (let turn = 0; isOn; turn++) {
      const next = visitor.basket + 1
      const request =
        turn % 2 === 0
          ? await visitor.ask(anyPort(), 'PUT', '/basket', { basket: next })
          : await visitor.ask(anyPort(), 'GET', '/me')
      seen.push(request)
      if (turn % 2 === 0 && request.status === 200) {
        visitor.basket = next
        keptAt.push(performance.now())
      }
      if (index % 2 === 0) {
        const id = productIds[(turn + index) % productIds.length]
        products.push(await visitor.ask(anyPort(), 'GET', `/products/${id}`))
      }
      await sleep(150)
    }
  }
  const all = Promise.all(visitors.map(visit))
  return {
    async end() {
      isOn = false
      await all
      const answered = seen.filter(({ status }) => status === 200).length
      const toldToRetry = seen.filter(
        ({ status, retryAfter }) => status === 503 && retryAfter !== null,
      ).length
      const strangers = seen.filter(({ status }) => status === 401).length
      return {
        sessionRequests: seen.length,
        answered,
        toldToRetry,
        strangers,
        broken: seen.length - answered - toldToRetry - strangers,
        slowestMs: Math.round(Math.max(...seen.map(({ tookMs }) => tookMs))),
        productRequests: products.length,
        productsFailed: products.filter(({ status }) => status !== 200).length,
        keptAt,
      }
    },
  }
}
