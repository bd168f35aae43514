import { InvalidOptionError } from '@holdfast/core'
import { parseNutcracker } from '@holdfast/core/sharding'
import { canarySecret } from '@holdfast/lab/canary'
import { expect, test } from 'vitest'
import { shardedRedis } from './sharded-redis.ts'

const servers = ['127.0.0.1:1', '127.0.0.1:2']
const refusal = (options: object): Error => {
  try {
    shardedRedis({ servers, ...options })
  } catch (error) {
    return error as Error
  }
  throw new Error('it was taken')
}

test.each([
  ['conection', "shardedRedis has no option 'conection'; give connection"],
  ['onfailure', "shardedRedis has no option 'onfailure'; give onFailure"],
  ['password', "shardedRedis has no option 'password'; write connection: { password }"],
  ['tls', 'write connection: { tls }'],
  ['host', 'is said by servers'],
  ['toString', 'those of shardedStore'],
])('the option %s is refused in the name of the function that was called', (name, message) => {
  const error = refusal({ [name]: canarySecret('option') })
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error.message).toContain(message)
  expect(error.message).not.toMatch(/shardedStore has|secret-1/)
})

test.each([
  ['host', "connection of shardedRedis does not take 'host': where the servers are"],
  ['port', "does not take 'port'"],
  ['path', "does not take 'path'"],
  ['sentinels', "does not take 'sentinels'"],
  ['cluster', "does not take 'cluster'"],
  ['hots', "connection of shardedRedis has no option 'hots'; where the servers are"],
  ['url', "has no option 'url'; where the servers are"],
  ['passwrod', "connection of shardedRedis has no option 'passwrod'; give password"],
])('connection.%s is refused', (name, message) => {
  const error = refusal({ connection: { [name]: canarySecret('option') } })
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error.message).toContain(message)
  expect(error.message).not.toContain(canarySecret('option'))
})

test.each([['redis://127.0.0.1'], [[]], [null]])('connection as %j is refused', (connection) => {
  expect(refusal({ connection }).message).toContain('connection of shardedRedis expects')
})

test('all that a pool brings along is taken, and so are options of a connection', async () => {
  const pool = parseNutcracker(`a:
  listen: 127.0.0.1:22121
  hash_tag: "{}"
  redis: true
  redis_auth: secret-1
  timeout: 100
  auto_eject_hosts: true
  servers:
    - 127.0.0.1:1:1 one
    - 127.0.0.1:2:1 two
`).pools.a!
  await shardedRedis(pool).close()
  const connection = { username: 'anna', connectTimeout: 300, host: undefined }
  await shardedRedis({ servers: pool, socketsPerServer: 2, connection }).close()
})
