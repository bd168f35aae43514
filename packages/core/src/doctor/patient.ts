import { thresholds } from '../health/thresholds.ts'
import { type Finding, inBytes, inPercent, type Notes } from './finding.ts'
import type { Endpoint } from './wire.ts'

/** What the checks of one store know beside what its servers say. */
export interface Patient {
  /** `stores.main`. */
  readonly part: string
  /** Whether sessions are kept there. */
  readonly hasSessions: boolean
  /** Sockets that one process opens to each server. */
  readonly socketsPerServer: number
  readonly processes: number
  /** What a server takes where it does not say so. */
  readonly serverConnections: number
  readonly timeoutMs: number
  readonly findings: Finding[]
}

/** What a server said of its memory, for the sum over the servers of a store. */
export interface ServerRoom {
  /** 0 or absent: without a limit. */
  readonly limitBytes: number | undefined
}

const loopbackHost = /^(?:localhost|127(?:\.\d+){3}|::1|\[::1\])$/

export const isLoopback = ({ host, path }: Endpoint): boolean =>
  path !== undefined || loopbackHost.test(host ?? 'localhost')

export function checkTransport(
  at: Endpoint,
  notes: Notes,
  { hasLogin, loginAdvice }: { readonly hasLogin: boolean; readonly loginAdvice: string },
): void {
  if (isLoopback(at)) return
  if (at.tls === undefined)
    notes.warning(
      'tls',
      'bytes travel in clear to another machine',
      'set tls: true, and tls.ca for an authority of your own',
    )
  else if (at.tls !== true && at.tls.rejectUnauthorized === false)
    notes.critical(
      'tls',
      'the certificate is not checked: whoever stands in between reads and changes all of it',
      "give the authority as tls.ca: 'file:…' and leave rejectUnauthorized out",
    )
  else notes.ok('tls', 'encrypted, and the certificate is checked')
  if (!hasLogin)
    notes.warning('auth', 'whoever reaches the server may read and write all of it', loginAdvice)
}

/** @param aheadMs of the server's clock, and how exactly that was measured */
export function checkClock(notes: Notes, aheadMs: number, exactToMs: number): void {
  const off = Math.max(0, Math.abs(aheadMs) - exactToMs)
  const says = `its clock is ${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine's`
  if (off <= 1_000) notes.ok('clock', "its clock agrees with this machine's within a second")
  else
    notes[off > 60_000 ? 'critical' : 'warning'](
      'clock',
      says,
      'run NTP on both; no decision about validity compares clocks, but freshness shifts by as much between machines',
    )
}

export function checkMemory(notes: Notes, usedBytes: number, limitBytes: number): void {
  const share = usedBytes / limitBytes
  const says = `${inBytes(usedBytes)} of ${inBytes(limitBytes)} used, ${inPercent(share)}`
  const { warn, critical } = thresholds.memory_utilization
  const advice = 'give it more memory, shorten ttl, or compress values (codec.compression)'
  if (share > critical) notes.critical('memory', says, advice)
  else if (share > warn) notes.warning('memory', says, advice)
  else notes.ok('memory', says)
}

export function checkSockets(
  notes: Notes,
  patient: Patient,
  limit: number | undefined,
  now: number | undefined,
): void {
  const { processes, socketsPerServer, serverConnections } = patient
  const most = limit ?? serverConnections
  const own = processes * socketsPerServer
  const says = `${processes} processes with ${socketsPerServer} sockets each make ${own} of ${most}${now === undefined ? '' : `; there are ${now} now`}`
  const advice =
    'raise maxclients (Redis) or -c (memcached), run fewer processes, or spread the keys over more servers'
  if (own > most) notes.critical('sockets', says, advice)
  // The thresholds of the reference architecture, as shares of its 65,000.
  else if (own > most * (thresholds.connections.warn / 65_000))
    notes.warning('sockets', says, advice)
  else notes.ok('sockets', says)
}
