import { describe, expect, test } from 'vitest'
import { type Finding, notesInto } from './finding.ts'
import { checkClock, checkMemory, checkSockets, checkTransport, type Patient } from './patient.ts'
import type { Endpoint } from './wire.ts'

/** What a check says, as `level check`. */
function said(check: (notes: ReturnType<typeof notesInto>) => void): readonly string[] {
  const findings: Finding[] = []
  check(notesInto(findings, 'stores.main'))
  for (const { level, advice } of findings)
    if (level === 'warning' || level === 'critical') expect(advice).toMatch(/\w{3}/)
  return findings.map(({ level, check: about }) => `${level} ${about}`)
}

const transport = (at: Endpoint, hasLogin = true) =>
  said((notes) => checkTransport(at, notes, { hasLogin, loginAdvice: 'set a password' }))

describe('the way to a server', () => {
  test.for<[Endpoint, boolean, readonly string[]]>([
    [{ host: 'cache.internal', port: 6_379 }, false, ['warning tls', 'warning auth']],
    [{ host: '10.0.0.5', port: 6_379 }, true, ['warning tls']],
    [{ host: 'fd00::5', port: 6_379 }, true, ['warning tls']],
    [{ host: 'cache.internal', tls: true }, false, ['ok tls', 'warning auth']],
    [{ host: 'cache.internal', tls: {} }, true, ['ok tls']],
    [{ host: 'cache.internal', tls: { rejectUnauthorized: false } }, true, ['critical tls']],
    // A name that only looks like this machine is another one.
    [{ host: '127.0.0.1.example.com' }, false, ['warning tls', 'warning auth']],
    [{ host: 'localhost.example.com' }, false, ['warning tls', 'warning auth']],
  ])('to %j, with a login: %j, %j', ([at, hasLogin, findings]) => {
    expect(transport(at, hasLogin)).toEqual(findings)
  })

  test.for<Endpoint>([
    { host: 'localhost', port: 1 },
    { host: '127.0.0.1' },
    { host: '127.9.9.9' },
    { host: '::1' },
    { host: '[::1]' },
    { path: '/run/redis.sock' },
    {},
  ])('on this machine needs neither TLS nor a password: %j', (at) => {
    expect(transport(at, false)).toEqual([])
  })
})

describe('a clock', () => {
  test.for([
    [0, 0, 'ok'],
    [1_000, 0, 'ok'],
    [-1_000, 0, 'ok'],
    [1_001, 0, 'warning'],
    [-1_001, 0, 'warning'],
    // What could not be measured better than that says nothing.
    [1_500, 500, 'ok'],
    [1_501, 500, 'warning'],
    [60_000, 0, 'warning'],
    [60_001, 0, 'critical'],
    [-3_600_000, 0, 'critical'],
  ] as const)('that is %i ms ahead, measured to %i ms, is %s', ([aheadMs, exactToMs, level]) => {
    expect(said((notes) => checkClock(notes, aheadMs, exactToMs))).toEqual([`${level} clock`])
  })
})

describe('memory', () => {
  test.for([
    [70, 'ok'],
    [70.01, 'warning'],
    [85, 'warning'],
    [85.01, 'critical'],
    [100, 'critical'],
  ] as const)('that is used to %d %% is %s', ([percent, level]) => {
    expect(said((notes) => checkMemory(notes, percent * 1_000, 100_000))).toEqual([
      `${level} memory`,
    ])
  })
})

describe('sockets', () => {
  const patient = (processes: number, socketsPerServer: number): Patient => ({
    part: 'stores.main',
    hasSessions: false,
    socketsPerServer,
    processes,
    serverConnections: 65_000,
    timeoutMs: 1,
    findings: [],
  })

  test.for([
    // The reference's 50 pods with 10 connections for each service are 500 of 65,000.
    [50, 10, undefined, 'ok'],
    [50, 1, 65, 'ok'],
    [51, 1, 65, 'warning'],
    [65, 1, 65, 'warning'],
    [66, 1, 65, 'critical'],
    [50_000, 1, undefined, 'ok'],
    [50_001, 1, undefined, 'warning'],
    [65_001, 1, undefined, 'critical'],
    [25_000, 2, undefined, 'ok'],
    [25_001, 2, undefined, 'warning'],
  ] as const)(
    'of %i processes with %i each, where the server says that it takes %s, are %s',
    ([processes, each, limit, level]) => {
      expect(said((notes) => checkSockets(notes, patient(processes, each), limit, 3))).toEqual([
        `${level} sockets`,
      ])
    },
  )
})
