import type { change, fill, loseAMemcached } from './answer-acts.ts'
import type { logIn, logOut, loseThePrimary } from './session-acts.ts'

type Outcome<Act extends (...args: never[]) => unknown> = Awaited<ReturnType<Act>>

/** What happened, in numbers. */
export interface Told {
  readonly login: Outcome<typeof logIn>
  readonly filled: Outcome<typeof fill>
  readonly changed: Outcome<typeof change>
  readonly failover: Outcome<typeof loseThePrimary>
  readonly changedAgain: Outcome<typeof change>
  readonly node: Outcome<typeof loseAMemcached>
  readonly logout: Outcome<typeof logOut>
  readonly tookMs: number
}

/** The figures of one run, each with what it should be. */
export function table(told: Told): string[] {
  const { login, filled, changed, failover, changedAgain, node, logout, tookMs } = told
  const hitRate = (100 * (1 - filled.calls / filled.requests)).toFixed(1)
  const rows: [string, string | number, string][] = [
    ['visitors known at the other process', `${login.knownAtTheOther} of ${login.logins}`, 'all'],
    ['warm requests served by Memcached', `${hitRate} %`, '100 %'],
    ['event published: carried out after', `${changed.heardAfterMs} ms`, ''],
    ['old prices after an event', changed.oldPrices + changedAgain.oldPrices, '0'],
    ['primary killed: promoted after', `${failover.promotedAfterMs} ms`, 'up to the sentinels'],
    ['  first write after the promotion', `${failover.resumedAfterMs} ms`, 'below 2000 ms'],
    ['  sessions lost', failover.sessionsLost, '0'],
    ['  taken for a stranger', failover.strangers, '0'],
    ['  503 with Retry-After', failover.toldToRetry, 'while it outlasts 1.5 s'],
    ['  product pages failed', failover.productsFailed, '0'],
    [
      'Memcached killed: its answers missed',
      `${node.missed - node.elsewhere} of ${node.theirs}`,
      'all',
    ],
    ["  others' answers missed", node.elsewhere, '0'],
    ['  requests failed', node.failed, '0'],
    ['logged out and still let in', logout.admitted, '0'],
    ['all of this took', `${(tookMs / 1_000).toFixed(1)} s`, ''],
  ]
  const line = (cells: readonly (string | number)[]) =>
    `  ${String(cells[0]).padEnd(40)}${String(cells[1]).padStart(10)}   ${cells[2]}`.trimEnd()
  return [line(['', 'measured', 'wanted']), ...rows.map(line)]
}
