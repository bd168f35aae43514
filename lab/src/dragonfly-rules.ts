import { createHash } from 'node:crypto'
import { oneNode, type Rule, type Ruling, refuse } from './ruled-redis.ts'

export interface DragonflyRules {
  /** `'yes'`: a real cluster, which knows sharded channels alone and no other database. Default `'emulated'`. */
  readonly cluster?: 'emulated' | 'yes'
  /** Every write is refused for want of memory. */
  isFull?(): boolean
}

/** What Dragonfly clamps a time to live to, without a word. */
export const dragonflyMaxTtlMs = 268_435_455_000

const unknownCommands = new Set(['OBJECT', 'SWAPDB', 'HPEXPIRE', 'ASKING'])
const writes = new Set(['SET', 'EVAL', 'EVALSHA'])
/** Where a time to live stands in a command. */
const ttlPlaces: Readonly<Record<string, (words: readonly string[]) => number>> = {
  SET: (words) => words.indexOf('PX', 2) + 1,
  PEXPIRE: () => 1,
}
/** What Lua 5.1 of Redis has, and Lua 5.4 of Dragonfly has not. */
const onlyInLua51 =
  /(?<![.\w])(?:unpack|loadstring|setfenv|getfenv|math\.pow|math\.log10|table\.getn)\b/

/**
 * What Dragonfly does otherwise than Redis, as it was measured on its main branch of August 2026. What it merely does
 * not tell (keyspace events of other kinds, pushes of CLIENT TRACKING) nobody here listens to, so asking for it is
 * refused.
 */
export function dragonflyRules({ cluster = 'emulated', isFull }: DragonflyRules = {}): Rule {
  const scripts = new Map<string, string>()
  return (command, args, port) => {
    const words = args.map((arg) => arg.toString('latin1').toUpperCase())
    if (unknownCommands.has(command))
      return refuse(`ERR unknown command \`${command}\`, with args beginning with: `)
    if (command === 'CLUSTER' && words[0] === 'SLOTS') return oneNode(port)
    const refused =
      (cluster === 'yes' ? refusedInCluster(command, words) : undefined) ??
      refusedSetting(command, words) ??
      refusedScript(command, args, scripts)
    if (refused !== undefined) return refused
    if (command === 'SET' && words.includes('IFEQ', 2)) return refuse('ERR syntax error')
    if (isFull?.() && writes.has(command)) return refuse('Out of memory')
    const at = ttlPlaces[command]?.(words) ?? 0
    if (at > 0 && Number(words[at]) > dragonflyMaxTtlMs)
      return { args: args.map((arg, index) => (index === at ? `${dragonflyMaxTtlMs}` : arg)) }
    return undefined
  }
}

function refusedInCluster(command: string, words: readonly string[]): Ruling {
  if (['PUBLISH', 'SUBSCRIBE', 'PSUBSCRIBE'].includes(command))
    return refuse(`ERR ${command} is not supported in cluster mode yet`)
  if (command === 'SELECT' && words[0] !== '0')
    return refuse('ERR SELECT is not allowed in cluster mode')
  return undefined
}

function refusedSetting(command: string, words: readonly string[]): Ruling {
  const [verb, name, value] = words
  if (command === 'CONFIG' && verb === 'SET') {
    if (name === 'MAXMEMORY-POLICY') return refuse('ERR Unsupported option')
    if (name === 'NOTIFY-KEYSPACE-EVENTS' && value !== 'EX') return refuse('ERR Unsupported option')
  }
  if (command === 'CLIENT' && verb === 'TRACKING') {
    if (words.some((word) => ['BCAST', 'PREFIX', 'REDIRECT'].includes(word)))
      return refuse('ERR syntax error')
  }
  return undefined
}

/** A script that is run by its hash is the one whose text came before. */
function refusedScript(
  command: string,
  args: readonly Buffer[],
  scripts: Map<string, string>,
): Ruling {
  if (command !== 'EVAL' && command !== 'EVALSHA') return undefined
  const given = String(args[0])
  const text = command === 'EVAL' ? given : scripts.get(given.toLowerCase())
  if (text === undefined) return undefined
  scripts.set(createHash('sha1').update(text).digest('hex'), text)
  if (text.startsWith('#!')) return refuse("ERR syntax error near '#'")
  const foreign = onlyInLua51.exec(text)?.[0]
  if (foreign !== undefined) return refuse(`ERR attempt to call a nil value (global '${foreign}')`)
  const declared = Number(args[1])
  for (const [, name] of text.matchAll(/redis\.p?call\(\s*['"]\w+['"]\s*,\s*([^,)]+)/g)) {
    const key = /^KEYS\[(\d+)\]$/.exec(name!.trim())
    if (key === null || Number(key[1]) > declared)
      return refuse('ERR script tried accessing undeclared key')
  }
  return undefined
}
