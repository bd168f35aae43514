import { until } from '@holdfast/lab/until'
import { categories, productIds } from './owners.ts'
import { isInMemcached } from './servers.ts'
import { keys } from './services.ts'
import type { Say, Stage } from './stage.ts'
import { type Seen, Visitor } from './visitor.ts'

const pages = [
  ...productIds.map((id) => ({ path: `/products/${id}`, key: keys.detail(id) })),
  ...categories.map((category) => ({ path: `/categories/${category}`, key: keys.list(category) })),
]

/** Asks both processes for every page, and says what it took. */
async function readAll({ shops, owners }: Stage) {
  owners.calls()
  const anybody = new Visitor('anybody')
  const seen: Seen[] = []
  // Each process is asked for a few pages at a time, as by people.
  await Promise.all(
    shops.map(async ({ port }) => {
      for (let at = 0; at < pages.length; at += 9) {
        const few = pages.slice(at, at + 9)
        seen.push(...(await Promise.all(few.map(({ path }) => anybody.ask(port, 'GET', path)))))
      }
    }),
  )
  const calls = owners.calls()
  const failed = seen.filter(({ status }) => status !== 200).length
  const old = seen
    .flatMap(({ body }) => body as { id: string; cents: number } | { id: string; cents: number }[])
    .filter(({ id, cents }) => owners.priceOf(id) !== cents).length
  const all = [...calls.values()].reduce((sum, count) => sum + count, 0)
  return { requests: seen.length, calls: all, paths: [...calls.keys()], failed, old }
}

/** The first requests ask the services, the others Memcached. */
export async function fill(stage: Stage, say: Say) {
  const cold = await readAll(stage)
  let requests = 0
  let calls = 0
  for (let round = 0; round < 5; round++) {
    const warm = await readAll(stage)
    requests += warm.requests
    calls += warm.calls
  }
  const places = await placesOf(stage)
  const perNode = stage.servers.memcached.map(
    ({ name }) => pages.filter(({ key }) => places.get(key) === name).length,
  )
  say(`  ${cold.requests} requests for ${pages.length} pages: ${cold.calls} calls of the services.`)
  say(
    `  ${requests} more: ${calls} calls. The answers lie ${perNode.join(' + ')} on three servers:`,
  )
  for (const key of [keys.list('rope'), keys.detail('rope-1'), keys.profile('user-1')]) {
    const shown = key.replace(/([0-9a-f]{8})[0-9a-f]{32}/, '$1…')
    say(`    ${shown.padEnd(32)} on ${(await placesOf(stage, [key])).get(key)}`)
  }
  return { pages: pages.length, coldCalls: cold.calls, requests, calls, perNode }
}

async function placesOf({ shops }: Stage, list = pages.map(({ key }) => key)) {
  const names = await shops[0]?.process.call<string[]>('serversOf', list)
  return new Map(list.map((key, index) => [key, names?.[index] ?? '']))
}

/** The owner of a price changes it and says so in Redis: what both processes answer from now on is new. */
export async function change(stage: Stage, say: Say, id = 'rope-1', cents = 1_250, nth = 1) {
  const key = keys.detail(id)
  const node = (await placesOf(stage, [key])).get(key)
  const server = stage.servers.memcached.find(({ name }) => name === node)?.process
  if (server === undefined) throw new Error(`nobody has ${key}`)
  await readAll(stage)
  const wasThere = await isInMemcached(server, key)
  const startedAt = performance.now()
  const event = await stage.owners.changePrice(id, cents)
  await stage.heard(nth)
  const heardAfterMs = Math.round(performance.now() - startedAt)
  const isThere = await isInMemcached(server, key)
  const after = await readAll(stage)
  say(`  ${key} costs ${cents} cents now, and its owner publishes`)
  say(`    ${event}`)
  say(
    `  Within ${heardAfterMs} ms both have heard; ${node} had it, and ${isThere ? 'has' : 'no more'}.`,
  )
  say(`  All pages at both: ${after.calls} calls (the product, its list), ${after.old} old prices.`)
  return { wasThere, isThere, heardAfterMs, calls: after.calls, oldPrices: after.old }
}

/** One of three servers of answers is killed: its keys are asked for again, and nobody else's. */
export async function loseAMemcached(stage: Stage, say: Say) {
  const victim = stage.servers.memcached[1]
  if (victim === undefined) throw new Error('there are three')
  await readAll(stage)
  const places = await placesOf(stage)
  const nodeOf = new Map(pages.map(({ path, key }) => [path, places.get(key)]))
  const theirs = [...nodeOf.values()].filter((name) => name === victim.name).length
  await victim.process.kill()
  const missed = new Set<string>()
  let [requests, failed, last] = [0, 0, Infinity]
  await until('its keys have moved to the other two', async () => {
    const round = await readAll(stage)
    requests += round.requests
    failed += round.failed
    last = round.calls
    for (const path of round.paths) missed.add(path)
    return last === 0
  })
  const elsewhere = [...missed].filter((path) => nodeOf.get(path) !== victim.name).length
  say(
    `  ${victim.name} had ${theirs} of ${pages.length} answers. ${requests} requests: ${failed} failed, and`,
  )
  say(
    `  ${missed.size} answers were asked for again: ${missed.size - elsewhere} of its own, ${elsewhere} of others.`,
  )
  say(`  Now the other two have them: the last round took ${last} calls.`)
  return { theirs, missed: missed.size, elsewhere, requests, failed }
}
