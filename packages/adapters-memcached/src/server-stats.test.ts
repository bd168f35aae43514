import { expect, test } from 'vitest'
import { metricsOf } from './server-stats.ts'

test('counters keep their names of core, times become milliseconds', () => {
  const stats = new Map([
    ['get_hits', '12'],
    ['get_misses', '3'],
    ['evictions', '0'],
    ['curr_items', '4'],
    ['bytes', '512'],
    ['limit_maxbytes', '67108864'],
    ['curr_connections', '5'],
    ['max_connections', '1024'],
    ['uptime', '61'],
    ['rusage_user', '1.500000'],
    ['rusage_system', '0.250000'],
  ])
  expect(metricsOf(stats)).toEqual({
    hits: 12,
    misses: 3,
    evictions: 0,
    entries: 4,
    usedBytes: 512,
    limitBytes: 67_108_864,
    connections: 5,
    maxConnections: 1_024,
    uptimeMs: 61_000,
    cpuMs: 1_750,
  })
})

test('what a server does not say, or says in words, is unknown and not zero', () => {
  expect(metricsOf(new Map([['get_hits', 'many']]))).toEqual({})
  expect(
    metricsOf(
      new Map([
        ['bytes', ''],
        ['rusage_user', '1.0'],
      ]),
    ),
  ).toEqual({})
})
