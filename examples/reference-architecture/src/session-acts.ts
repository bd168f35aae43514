import { setTimeout as sleep } from 'node:timers/promises'
import { startRush } from './rush.ts'
import type { Say, Stage } from './stage.ts'
import { Visitor } from './visitor.ts'

/** Everybody logs in at one process, and is known to the other. */
export async function logIn({ servers, shops, visitors }: Stage, say: Say) {
  const [first, second] = shops
  for (const visitor of visitors) {
    const { userId } = visitor
    await visitor.ask(first?.port ?? 0, 'POST', '/login', { userId })
  }
  const known = await Promise.all(
    visitors.map((visitor) => visitor.ask(second?.port ?? 0, 'GET', '/me')),
  )
  const knownAtTheOther = known.filter(({ status }) => status === 200).length
  const primary = await servers.redis.primary()
  const key = `session:${visitors[0]?.sessionId}`
  const record = String(await primary.command('GET', key))
  const ttlSeconds = Number(await primary.command('TTL', key))
  const settingOf = async (name: string) =>
    String(((await primary.command('CONFIG', 'GET', name)) as unknown[])[1])
  const eviction = await settingOf('maxmemory-policy')
  const appendfsync = await settingOf('appendfsync')
  say(`  ${visitors.length} visitors log in at process 1; process 2 knows ${knownAtTheOther}.`)
  say(`  Redis (${eviction}, AOF ${appendfsync}) has for each of them, for ${ttlSeconds} s:`)
  say(`    ${key.slice(0, 18)}…`)
  for (const line of shown(record)) say(`      ${line}`)
  return { logins: visitors.length, knownAtTheOther, ttlSeconds, eviction, appendfsync, record }
}

/** The record as it stands in Redis, in lines that fit. */
function shown(record: string): string[] {
  const lines: string[] = []
  for (const member of record.split(/(?<=,)(?="\w+":)/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + member.length > 76) lines.push(member)
    else lines[lines.length - 1] = last + member
  }
  return lines
}

/** The primary is killed in the middle of a rush. */
export async function loseThePrimary(stage: Stage, say: Say) {
  const { servers, visitors } = stage
  const rush = startRush(stage)
  await sleep(1_500)
  const before = await servers.redis.primary()
  const killedAt = performance.now()
  await before.kill()
  const promotedAt = await servers.redis.promotedAfter(before)
  await sleep(2_000)
  const seen = await rush.end()
  const keptAgain = seen.keptAt.find((at) => at > promotedAt) ?? Infinity
  const promotedAfterMs = Math.round(promotedAt - killedAt)
  const resumedAfterMs = Math.round(keptAgain - promotedAt)
  const retries = await stage.sum('sessionStats', 'retries')

  let [sessionsLost, basketsLost] = [0, 0]
  for (const visitor of visitors) {
    const { status, body } = await visitor.ask(stage.anyPort(), 'GET', '/me')
    if (status !== 200) sessionsLost++
    else if ((body as { basket: number }).basket < visitor.basket) basketsLost++
  }
  const seconds = `${(promotedAfterMs / 1_000).toFixed(1)} s`
  say(
    `  The sentinels promote a replica after ${seconds}; ${resumedAfterMs} ms later it takes a write.`,
  )
  say(
    `  ${seen.sessionRequests} requests with a session: ${seen.answered} answered (${retries} tries`,
  )
  say(
    `  again behind the scenes, the slowest ${seen.slowestMs} ms), ${seen.toldToRetry} told by 503 and`,
  )
  say(`  Retry-After to come back, ${seen.strangers} taken for strangers, ${seen.broken} broken.`)
  say(
    `  ${sessionsLost} of ${visitors.length} sessions are lost, and ${basketsLost} of ${seen.keptAt.length} acknowledged changes.`,
  )
  say(
    `  ${seen.productRequests} requests for products, which need no session: ${seen.productsFailed} failed.`,
  )
  return { ...seen, retries, promotedAfterMs, resumedAfterMs, sessionsLost, basketsLost }
}

/** One visitor logs out at one process, while requests of the same session are under way at the other. */
export async function logOut(stage: Stage, say: Say) {
  const [first, second] = stage.shops
  const leaving = stage.visitors[0]
  if (leaving === undefined || first === undefined || second === undefined) throw new Error('empty')
  // Whoever kept a copy of the cookie.
  const copy = Object.assign(new Visitor(leaving.userId), { cookie: leaving.cookie })
  stage.owners.calls()
  const underWay = Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      copy.ask(second.port, 'PUT', '/basket', { basket: 1_000 + index }),
    ),
  )
  // All of them have read the session by then, and wait for the stock.
  await stage.owners.asked('/stock/rope-1', 20)
  const { status } = await leaving.ask(first.port, 'POST', '/logout')
  const late = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      copy.ask(index % 2 === 0 ? second.port : first.port, 'GET', '/me'),
    ),
  )
  await underWay
  const afterLateWrites = await copy.ask(second.port, 'GET', '/me')
  const admitted = [...late, afterLateWrites].filter((seen) => seen.status === 200).length
  const refused = [...late, afterLateWrites].filter((seen) => seen.status === 401).length
  const dropped = await stage.sum('sessionStats', 'dropped')
  say(
    `  user-1 logs out at process 1 (${status}) while 20 changes of the session are under way at process 2.`,
  )
  say(
    `  ${refused} of ${late.length + 1} requests with a copy of the cookie, at both: 401. ${admitted} got in.`,
  )
  say(`  ${dropped} late changes were dropped instead of bringing the session back.`)

  const devices = Array.from({ length: 3 }, () => new Visitor('user-2'))
  for (const device of devices) {
    await device.ask(stage.anyPort(), 'POST', '/login', { userId: 'user-2' })
  }
  const answer = await devices[0]?.ask(first.port, 'POST', '/logout-others')
  const still = await Promise.all(
    [...devices, ...stage.visitors.slice(1, 2)].map((each) => each.ask(second.port, 'GET', '/me')),
  )
  const devicesLeft = still.filter((seen) => seen.status === 200).length
  const ended = Number((answer?.body as { ended?: number } | undefined)?.ended)
  say(
    `  user-2 has ${ended + 1} devices and ends all others: ${devicesLeft} is left, at process 2, too.`,
  )
  return { admitted, refused, dropped, ended, devicesLeft }
}
