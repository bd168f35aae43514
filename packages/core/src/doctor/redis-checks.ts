import { systemClock } from '../clock.ts'
import { type Notes, notesInto } from './finding.ts'
import {
  checkClock,
  checkMemory,
  checkSockets,
  checkTransport,
  type Patient,
  type ServerRoom,
} from './patient.ts'
import { type RedisLogin, RedisRefusal, RedisWire } from './redis-wire.ts'
import { type Endpoint, labelOf, reasonOf } from './wire.ts'

type Info = Readonly<Record<string, string>>

/** Looks at one Redis, Valkey or Dragonfly. `undefined`: it could not be asked. */
export async function checkRedisServer(
  at: Endpoint,
  login: RedisLogin,
  patient: Patient,
  isCluster: boolean,
): Promise<ServerRoom | undefined> {
  const notes = notesInto(patient.findings, patient.part, labelOf(at))
  checkTransport(at, notes, {
    hasLogin: login.password !== undefined,
    loginAdvice: 'set requirepass or an ACL user, and password: env:NAME here',
  })
  let wire: RedisWire
  try {
    wire = await RedisWire.open(at, login, patient.timeoutMs)
  } catch (error) {
    notes.critical(
      'reachable',
      `it cannot be asked: ${reasonOf(error)}`,
      'check host, port, firewall, tls and password',
    )
    return undefined
  }
  try {
    const ping = await wire.ask('PING')
    if (ping instanceof RedisRefusal) {
      const wants = ping.word === 'NOAUTH'
      notes.critical(
        'reachable',
        wants ? 'it wants a password' : `it refuses to be asked (${ping.word})`,
        wants ? 'set password: env:NAME' : "see the server's log",
      )
      return undefined
    }
    return await look(wire, notes, patient, isCluster)
  } catch (error) {
    notes.critical('reachable', `it stopped answering: ${reasonOf(error)}`, "see the server's log")
    return undefined
  } finally {
    wire.close()
  }
}

async function look(
  wire: RedisWire,
  notes: Notes,
  patient: Patient,
  isCluster: boolean,
): Promise<ServerRoom> {
  const info = await wire.info()
  notes.ok('reachable', 'it answers')
  if (Object.keys(info).length === 0) {
    notes.note(
      'info',
      'it does not tell of itself: INFO is refused',
      'grant +info to the user, or look at eviction, memory and persistence by hand',
    )
    return { limitBytes: undefined }
  }
  checkVersion(info, notes)
  const limitBytes = numberOf(info.maxmemory) ?? numberOf(await wire.setting('maxmemory'))
  const policy = info.maxmemory_policy ?? (await wire.setting('maxmemory-policy'))
  checkEviction(notes, patient, policy)
  const used = numberOf(info.used_memory)
  if (limitBytes === 0)
    notes.warning(
      'maxmemory',
      'it has no maxmemory: it grows until the kernel kills it, with everything in it',
      'set maxmemory to three quarters of what the machine or container has',
    )
  else if (limitBytes !== undefined && used !== undefined) checkMemory(notes, used, limitBytes)
  await checkPersistence(wire, info, notes, patient)
  checkRole(info, notes, patient, isCluster)
  const clients = numberOf(info.maxclients) ?? numberOf(await wire.setting('maxclients'))
  checkSockets(notes, patient, clients, numberOf(info.connected_clients))
  await checkTime(wire, notes)
  return { limitBytes: limitBytes === 0 ? undefined : limitBytes }
}

function checkVersion(info: Info, notes: Notes): void {
  const engine = info.dragonfly_version
    ? 'Dragonfly'
    : (info.server_name ?? (info.valkey_version ? 'valkey' : 'redis')) === 'valkey'
      ? 'Valkey'
      : 'Redis'
  const version = info.dragonfly_version ?? info.valkey_version ?? info.redis_version ?? 'unknown'
  const [major = 0, minor = 0] = version
    .replace(/^[^\d]*/, '')
    .split('.')
    .map(Number)
  const says = `${engine} ${version}`
  if (engine === 'Redis' && (major < 6 || (major === 6 && minor < 2)))
    notes.warning(
      'version',
      `${says}, for which there are no security fixes any more`,
      'move to Redis 7.2 or later, or to Valkey',
    )
  else notes.ok('version', says)
}

function checkEviction(notes: Notes, { hasSessions }: Patient, policy: string | undefined) {
  if (policy === undefined)
    return notes.note(
      'eviction',
      'it does not tell its maxmemory-policy',
      hasSessions ? 'make sure that it is noeviction' : undefined,
    )
  if (hasSessions && policy !== 'noeviction')
    return notes.critical(
      'eviction',
      `sessions are kept there, and ${policy} drops them for room: users are logged out`,
      'set maxmemory-policy noeviction; a full server then refuses writes, which surfaces as a 503',
    )
  if (!hasSessions && policy === 'noeviction')
    return notes.warning(
      'eviction',
      'noeviction refuses writes when it is full, and what was cleared or invalidated by a tag keeps its bytes until its ttl has passed',
      'set maxmemory, and maxmemory-policy allkeys-lfu or allkeys-lru',
    )
  if (!hasSessions && policy.startsWith('volatile'))
    return notes.note(
      'eviction',
      `${policy} drops only what has an end, and is as good as allkeys-* unless others keep keys without one there`,
    )
  notes.ok(
    'eviction',
    hasSessions
      ? 'noeviction: no session is dropped for room'
      : `${policy}: room is made by itself`,
  )
}

async function checkPersistence(
  wire: RedisWire,
  info: Info,
  notes: Notes,
  { hasSessions }: Patient,
) {
  if (info.rdb_last_bgsave_status === 'err' || info.aof_last_write_status === 'err')
    return notes.critical(
      'persistence',
      'its last save failed; by default it refuses writes from then on',
      "look for a full disk or wrong rights in the server's log",
    )
  const isAof = info.aof_enabled === '1'
  const saves = await wire.setting('save')
  if (hasSessions && !isAof && saves === '')
    return notes.warning(
      'persistence',
      'nothing is written to disk: a restart logs everybody out',
      'set appendonly yes with appendfsync everysec',
    )
  if (hasSessions && !isAof)
    return notes.note(
      'persistence',
      'without an append-only file a crash loses what came after the last snapshot',
      'set appendonly yes with appendfsync everysec, which loses a second at most',
    )
  if (!hasSessions && isAof)
    return notes.note(
      'persistence',
      'every write of a cache goes to disk as well',
      'set appendonly no, if nothing else is kept there',
    )
  notes.ok('persistence', isAof ? 'an append-only file is written' : 'fit for a cache')
}

function checkRole(info: Info, notes: Notes, { hasSessions }: Patient, isCluster: boolean) {
  if (info.role === 'slave')
    return notes.critical(
      'role',
      'it is a replica: it refuses writes',
      'give the address of the primary, or sentinels, or the nodes as cluster',
    )
  if (info.cluster_enabled === '1' && !isCluster)
    return notes.critical(
      'role',
      'it is a node of a cluster, and the store speaks to it alone: most keys are refused (MOVED)',
      'write cluster: [addresses] in the place of host and port',
    )
  if (hasSessions && info.connected_slaves === '0')
    return notes.warning(
      'replicas',
      'sessions are kept there and it has no replica: they end with it',
      'add a replica in another zone, with sentinels or a service that fails over',
    )
  notes.ok('role', `primary with ${info.connected_slaves ?? 'an unknown number of'} replicas`)
}

async function checkTime(wire: RedisWire, notes: Notes): Promise<void> {
  const began = systemClock.now()
  const reply = await wire.ask('TIME')
  const ended = systemClock.now()
  if (!Array.isArray(reply)) return
  const [seconds, micros] = (reply as string[]).map(Number)
  const theirs = seconds! * 1000 + micros! / 1000
  checkClock(notes, theirs - (began + ended) / 2, (ended - began) / 2)
}

function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined || text === '' ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : undefined
}
