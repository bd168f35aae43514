import { systemClock } from '../clock.ts'
import { inBytes, notesInto } from './finding.ts'
import { MemcachedWire } from './memcached-wire.ts'
import {
  checkClock,
  checkMemory,
  checkSockets,
  checkTransport,
  type Patient,
  type ServerRoom,
} from './patient.ts'
import { type Endpoint, labelOf, reasonOf } from './wire.ts'

/** What the configuration says of all servers of a store. */
export interface MemcachedOptions {
  readonly protocol: 'binary' | 'meta'
  readonly username: string | undefined
  readonly password: string | (() => string | Promise<string>) | undefined
  /** The largest item that the store counts with. */
  readonly itemBytes: number
}

/** Looks at one Memcached. `undefined`: it could not be asked. */
export async function checkMemcachedServer(
  at: Endpoint,
  { protocol, username, password, itemBytes }: MemcachedOptions,
  patient: Patient,
): Promise<ServerRoom | undefined> {
  const notes = notesInto(patient.findings, patient.part, labelOf(at))
  checkTransport(at, notes, {
    hasLogin: username !== undefined,
    loginAdvice:
      'let nobody but the application reach the port; or set username and password (SASL, or -Y with protocol meta)',
  })
  if (patient.hasSessions)
    notes.critical(
      'eviction',
      'sessions are kept there, and Memcached drops what was idle longest when it is full: users are logged out',
      'keep sessions in Redis or Valkey with noeviction',
    )
  if (username !== undefined && protocol === 'binary') {
    notes.note(
      'info',
      'with SASL it speaks the binary protocol alone, which this doctor does not: only the round trip was checked',
    )
    return { limitBytes: undefined }
  }
  let wire: MemcachedWire
  try {
    const secret = typeof password === 'function' ? await password() : password
    const login = username === undefined ? undefined : { username, password: secret ?? '' }
    wire = await MemcachedWire.open(at, login, patient.timeoutMs)
  } catch (error) {
    notes.critical(
      'reachable',
      `it cannot be asked: ${reasonOf(error)}`,
      'check host, port, firewall, tls and password',
    )
    return undefined
  }
  try {
    const version = await wire.version()
    const began = systemClock.now()
    const stats = await wire.stats()
    const settings = await wire.stats('settings')
    notes.ok('reachable', 'it answers')
    checkVersion()
    checkItems()
    const used = Number(stats.bytes)
    const limitBytes = Number(stats.limit_maxbytes)
    // A full Memcached is what one wants; one that has to evict much is too small.
    checkMemory(notes, used, limitBytes)
    checkEviction()
    checkSockets(notes, patient, Number(settings.maxconns), Number(stats.curr_connections))
    // It counts whole seconds, and updates them once in one.
    checkClock(notes, Number(stats.time) * 1000 + 500 - began, 1_500)
    return { limitBytes }

    function checkVersion() {
      const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
      if (version === undefined) notes.note('version', 'it does not tell its version')
      else if (protocol === 'meta' && (major < 1 || (major === 1 && minor < 6)))
        notes.critical(
          'version',
          `Memcached ${version} does not know the meta commands`,
          'move to 1.6, or set protocol: binary',
        )
      else notes.ok('version', `Memcached ${version}`)
      if (settings.cas_enabled === 'no')
        notes.critical(
          'cas',
          'it was started without cas (-C), which claims and sessions are made of',
          'start it without -C',
        )
    }

    function checkItems() {
      const most = Number(settings.item_size_max)
      if (!Number.isFinite(most)) return
      if (most < itemBytes)
        notes.critical(
          'item size',
          `it takes items of ${inBytes(most)} at most, and the store sends up to ${inBytes(itemBytes)}: larger values are refused`,
          `set itemBytes: ${most}, or start it with -I ${itemBytes}`,
        )
      else if (most > itemBytes)
        notes.note(
          'item size',
          `it takes items of ${inBytes(most)}, and the store cuts values at ${inBytes(itemBytes)}`,
          `set itemBytes: ${most}, so that fewer values are cut`,
        )
      else notes.ok('item size', `items of up to ${inBytes(most)} on both sides`)
    }

    function checkEviction() {
      if (settings.evictions === 'off')
        notes.warning(
          'eviction',
          'it refuses writes when it is full (-M)',
          'start it without -M, so that it makes room by itself',
        )
      else if (!patient.hasSessions)
        notes.ok('eviction', `room is made by itself; ${stats.evictions ?? 0} dropped so far`)
    }
  } catch (error) {
    notes.critical('reachable', `it stopped answering: ${reasonOf(error)}`, "see the server's log")
    return undefined
  } finally {
    wire.close()
  }
}
