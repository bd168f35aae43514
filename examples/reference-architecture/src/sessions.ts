import { createSessions, type Sessions } from '@holdfast/core/session'
import { type RedisStore, redisStore } from '@holdfast/redis'
import type { Addresses } from './addresses.ts'

/**
 * The left half of the picture: sessions, in Redis, where they are never evicted. The sentinels say which of the three
 * servers is the primary, and go on saying so when it is another one.
 */
export function sessionsOn({ sentinels, primaryName }: Addresses): {
  sessions: Sessions
  store: RedisStore
} {
  const store = redisStore({ sentinels: [...sentinels], name: primaryName })
  const sessions = createSessions({
    store,
    // `openssl rand -base64 32`, from wherever your secrets are. The other is the secret of an example.
    secrets: [process.env.SESSION_SECRET ?? 'an example for servers that live for a minute'],
    ttl: '7d',
    record: true, // ip and user_agent
    trustProxy: false, // no proxy stands in front, so the connection's address counts
  })
  return { sessions, store }
}
