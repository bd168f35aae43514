import { change, fill, loseAMemcached } from './answer-acts.ts'
import { picture } from './picture.ts'
import { logIn, logOut, loseThePrimary } from './session-acts.ts'
import { type Say, setStage } from './stage.ts'
import { type Told, table } from './table.ts'

/** The reference architecture from its first login to its last logout, with two of its servers killed on the way. */
export async function tell(say: Say): Promise<Told> {
  say('Starting a primary, two replicas, three sentinels, three Memcached and two processes …')
  const startedAt = performance.now()
  const stage = await setStage()
  try {
    await stage.hearing()
    for (const line of picture(stage.servers)) say(line)
    const act = (title: string) => say(`\n${title}`)

    act('1. Sessions, on Redis under Sentinel')
    const login = await logIn(stage, say)
    act('2. Answers of an API, on three Memcached')
    const filled = await fill(stage, say)
    act('3. A price changes, and an event on a channel of Redis says so')
    const changed = await change(stage, say)
    act('4. The primary of Redis is killed')
    const failover = await loseThePrimary(stage, say)
    act('5. Another price changes: events go by the new primary')
    await stage.hearing()
    const changedAgain = await change(stage, say, 'tool-3', 990, 2)
    act('6. One of three Memcached is killed')
    const node = await loseAMemcached(stage, say)
    act('7. Logging out, everywhere at once')
    const logout = await logOut(stage, say)

    const tookMs = performance.now() - startedAt
    const told = { login, filled, changed, failover, changedAgain, node, logout, tookMs }
    act('Measured just now')
    for (const line of table(told)) say(line)
    return told
  } finally {
    await stage.close()
  }
}
