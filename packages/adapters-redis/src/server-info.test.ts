import { expect, test } from 'vitest'
import { metricsOf } from './server-info.ts'

test('reads what a primary with two replicas says, the slowest replica counting', () => {
  const info = [
    '# Server',
    'redis_version:7.0.15',
    'uptime_in_seconds:12',
    '# Memory',
    'used_memory:1048576',
    'maxmemory:2097152',
    '# Clients',
    'connected_clients:3',
    'maxclients:10000',
    '# Stats',
    'evicted_keys:5',
    'keyspace_hits:80',
    'keyspace_misses:20',
    '# Replication',
    'slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0',
    'slave1:ip=10.0.0.3,port=6379,state=online,offset=1,lag=4',
    '# CPU',
    'used_cpu_sys:1.5',
    'used_cpu_user:2.25',
    '# Keyspace',
    'db0:keys=3,expires=1,avg_ttl=0',
    'db1:keys=4,expires=0,avg_ttl=0',
  ].join('\r\n')
  expect(metricsOf(info)).toEqual({
    hits: 80,
    misses: 20,
    evictions: 5,
    entries: 7,
    usedBytes: 1_048_576,
    limitBytes: 2_097_152,
    connections: 3,
    maxConnections: 10_000,
    cpuMs: 3_750,
    uptimeMs: 12_000,
    replicationLagMs: 4_000,
  })
})

test('what is not said is absent, and no memory limit is no limit', () => {
  expect(metricsOf('maxmemory:0\r\nkeyspace_hits:\r\nused_memory:nonsense\r\n')).toEqual({})
})
