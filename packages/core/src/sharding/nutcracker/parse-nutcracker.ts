import { InvalidOptionError } from '../../errors.ts'
import { inNameOrder } from '../name-order.ts'
import { applyDirective, type PoolDraft } from './directives.ts'
import type { NutcrackerPool } from './pool.ts'
import { poolWarnings } from './warnings.ts'
import { type Mark, refuse } from './yaml-cursor.ts'
import { type YamlNode, type YamlScalar, yamlTree } from './yaml-tree.ts'

export interface NutcrackerConfig {
  /** By name, in the order twemproxy lists them: shorter names first. */
  readonly pools: Record<string, NutcrackerPool>
  /** What twemproxy accepts and people regret, one sentence each, with the line. */
  readonly warnings: string[]
}

/**
 * Reads a nutcracker.yml. It takes what nutcracker 0.5 takes and refuses what it refuses, but for host names in
 * `listen`, which are not looked up.
 * @throws InvalidOptionError with the line and column of the first problem.
 */
export function parseNutcracker(yamlText: string): NutcrackerConfig {
  if (typeof yamlText !== 'string') {
    throw new InvalidOptionError(
      `parseNutcracker needs the text of a nutcracker.yml, got ${typeof yamlText}`,
    )
  }
  const root = yamlTree(yamlText)
  if (root === undefined) refuse({ line: 1, column: 1 }, 'the file holds no pool')
  const drafts = inNameOrder(readPools(root), ({ name }) => name)
  const pools = drafts.map(finishPool)
  refuseTwins(
    drafts,
    ({ name }) => name,
    (name) => `two pools are called '${name}'`,
  )
  refuseTwins(
    drafts,
    ({ values }) => values.listen!,
    (listen) => `two pools listen on '${listen}'`,
  )
  return {
    // Not assigned one by one: a pool may be called `__proto__`.
    pools: Object.fromEntries(pools.map((pool) => [pool.name, pool])),
    warnings: drafts.flatMap((draft, i) => poolWarnings(draft, pools[i]!)),
  }
}

function readPools(root: YamlNode): PoolDraft[] {
  if (root.kind !== 'mapping') {
    refuse(root.mark, "expected 'name of a pool:' at the beginning of a line")
  }
  return root.entries.map(({ key, value }) => {
    const { text: name, mark } = keyOf(key, 'the name of a pool')
    if (value.kind !== 'mapping') {
      refuse(
        value.mark,
        `pool '${name}' needs its keys below it, indented, beginning with 'listen:'`,
      )
    }
    const draft: PoolDraft = {
      name,
      mark,
      marks: new Map(),
      values: {},
      servers: [],
      wrapped: [],
    }
    readPool(draft, value.entries)
    return draft
  })
}

function readPool(
  draft: PoolDraft,
  entries: readonly { readonly key: YamlNode; readonly value: YamlNode }[],
): void {
  let list: Mark | undefined
  for (const entry of entries) {
    const key = keyOf(entry.key, 'a key')
    if (entry.value.kind === 'mapping') {
      refuse(
        entry.value.mark,
        `'${key.text}' cannot hold keys of its own; a pool holds values, and one list`,
      )
    }
    if (entry.value.kind === 'scalar') {
      applyDirective(draft, key, entry.value)
      continue
    }
    if (list !== undefined) {
      refuse(key.mark, `a pool holds only one list, and there is one in line ${list.line} already`)
    }
    list = key.mark
    for (const item of entry.value.items) {
      if (item.kind !== 'scalar') refuse(item.mark, 'an entry of the list must be plain text')
      applyDirective(draft, key, item)
    }
  }
  if (list === undefined) {
    refuse(
      draft.mark,
      `pool '${draft.name}' needs a list of servers: 'servers:' and below it '- host:port:weight'`,
    )
  }
}

function keyOf(node: YamlNode, what: string): YamlScalar {
  if (node.kind !== 'scalar' || node.text === '')
    refuse(node.mark, `expected ${what} here, as plain text`)
  return node
}

function finishPool(draft: PoolDraft): NutcrackerPool {
  const { name, mark, marks, values, servers } = draft
  const { listen } = values
  if (listen === undefined) refuse(mark, `pool '${name}' needs 'listen: host:port'`)
  if (values.serverConnections === 0) {
    refuse(marks.get('server_connections')!, "'server_connections' must be at least 1")
  }
  if (values.redisAuth !== undefined && values.redis !== true) {
    refuse(marks.get('redis_auth')!, "'redis_auth' needs 'redis: true'")
  }
  if (servers.length === 0) refuse(mark, `pool '${name}' has no servers`)
  const holders = new Map<string, Mark>()
  for (const server of servers) {
    const twin = holders.get(server.name)
    if (twin !== undefined) {
      refuse(
        server.mark,
        `two servers of pool '${name}' are called '${server.name}', the other one in line ${twin.line}; give each a name of its own`,
      )
    }
    holders.set(server.name, server.mark)
  }
  return withoutShowing({
    hash: 'fnv1a_64',
    distribution: 'ketama',
    backlog: 512,
    clientConnections: 0,
    tcpkeepalive: false,
    redis: false,
    redisDb: 0,
    preconnect: false,
    autoEjectHosts: false,
    serverConnections: 1,
    serverRetryTimeout: 30_000,
    serverFailureLimit: 2,
    ...values,
    name,
    listen,
    compat: 'twemproxy',
    servers: servers.map(({ mark: _mark, ...server }) => server),
  })
}

/** Whoever first reads a file prints what came of it, and a log is no place for a password. */
function withoutShowing(pool: NutcrackerPool): NutcrackerPool {
  if (pool.redisAuth === undefined) return pool
  // By its registered name: rings import nothing of Node's but bytes and digests.
  return Object.defineProperty(pool, Symbol.for('nodejs.util.inspect.custom'), {
    value: () => ({ ...pool, redisAuth: '(not shown)' }),
  })
}

function refuseTwins(
  drafts: readonly PoolDraft[],
  labelOf: (draft: PoolDraft) => string,
  problem: (value: string) => string,
): void {
  const holders = new Map<string, PoolDraft>()
  for (const draft of drafts) {
    const twin = holders.get(labelOf(draft))
    if (twin !== undefined) {
      const [first, second] = twin.mark.line < draft.mark.line ? [twin, draft] : [draft, twin]
      refuse(second.mark, `${problem(labelOf(draft))}, the other one is in line ${first.mark.line}`)
    }
    holders.set(labelOf(draft), draft)
  }
}
