import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { configNode } from '../../src/config/config-node.ts'
import { jsonSchema } from '../../src/config/json-schema.ts'
import type { Node, ObjectNode } from '../../src/config/node.ts'

/** The reference of a configuration: its shape from the nodes that check it, its words from the docstrings of the options. */

const root = fileURLToPath(new URL('../../../..', import.meta.url))

interface Interface {
  readonly bases: readonly string[]
  readonly docs: ReadonlyMap<string, string>
}

const interfaces = new Map<string, Interface>()
for (const file of globSync('packages/*/src/**/*.ts', { cwd: root })) {
  if (/\.test(-d)?\.ts$/.test(file)) continue
  const source = readFileSync(join(root, file), 'utf8')
  for (const [, name, heritage, body] of source.matchAll(
    /^export interface (\w+)(?:<[^{]*?>)?([^{]*?)\{\n(.*?)^\}/gms,
  )) {
    const docs = new Map<string, string>()
    for (const [, doc, member] of body!.matchAll(
      /^ {2}\/\*\*(.*?)\*\/\n {2}(?:readonly )?(\w+)\??[:(]/gms,
    ))
      docs.set(member!, doc!.replace(/\s*\n\s*\*\s?/g, ' ').trim())
    const bases = [...heritage!.matchAll(/\b([A-Z]\w+)\b/g)].map(([, base]) => base!)
    interfaces.set(name!, { bases, docs })
  }
}

/** Of options that are another package's own, or that have no docstring of their own. */
const words: Readonly<Record<string, string>> = {
  host: 'Host name or IP address.',
  port: 'Port.',
  path: 'Path of a Unix socket, in place of host and port.',
  username: 'User name (ACL).',
  password: 'The password. From a file it is read again before each connect.',
  db: 'Number of the database. Default 0.',
  connectionName: 'What `CLIENT LIST` shows.',
  family: '4 or 6: the version of IP; 0 = either.',
  keepAlive: 'Milliseconds before TCP keep-alive begins.',
  noDelay: 'Whether small packets are sent at once. Default true.',
  'RedisStoreOptions.name': 'What the sentinels call the primary.',
  sentinels: 'Addresses of sentinels. Default port 26379.',
  sentinelUsername: 'User name for the sentinels.',
  sentinelPassword: 'Password for the sentinels.',
  enableTLSForSentinelMode: 'Whether the sentinels are spoken to over TLS.',
  natMap:
    "Addresses as the servers know them, and as they are reached: `'10.0.0.1:6379': { host, port }`.",
  'Threshold.warn': 'Past this it warns.',
  'Threshold.critical': 'Past this it is critical.',
  'ConnectionOptions.ca': 'Certificates of authorities, in PEM.',
  'ConnectionOptions.cert': 'The own certificate, in PEM.',
  'ConnectionOptions.key': 'Its key, in PEM.',
  'ConnectionOptions.passphrase': 'Of the key.',
  'ConnectionOptions.servername': 'The name that the certificate has to have.',
  'ConnectionOptions.minVersion': "Default `'TLSv1.2'`.",
  'ConnectionOptions.maxVersion': 'Default: the newest.',
  'ConnectionOptions.rejectUnauthorized':
    'false accepts any server, and needs `insecure`. Default true.',
  'HealthOptions.thresholds': 'By the name of the check; `false` leaves one out.',
  'CacheConfig.name': 'Label in metrics and events. Default: its name here.',
  storeName: "The store's label in messages and metrics. Default: its name here.",
  'MemcachedStoreOptions.name':
    "The store's label in messages and metrics. Default: its name here.",
  'CacheConfig.defaults': 'How entries are kept, unless a policy or a call says otherwise.',
  'CacheConfig.resilience': 'What keeps a bad day from becoming a worse one.',
  'CacheConfig.health': 'When `health()` warns.',
  ring: 'The name of one of `rings`, in place of `servers`: its servers, and how keys are dealt out among them.',
  breaker: 'When a store that fails is not asked any more, and when again.',
  eject: 'When a server is taken out, and when it is tried again.',
  'SessionConfig.cookie': 'The attributes of the cookie.',
  'ShardedRedisOptions.servers': "Addresses: `'host:port'`, or in parts.",
  'ImageCacheOptions.cache': 'The name of one of `caches`.',
  'ImageCacheOptions.handler': 'What serves the images, as `imageHandler(name)`.',
  'ImageCacheOptions.limits': 'How much of an image is fetched and looked at.',
  'ImageCacheOptions.network': 'What may be connected to.',
  'ImageCacheOptions.freshness': 'How long images are fresh, and stand in after that.',
  'ImageCacheOptions.key': 'What of a URL tells one image from another.',
  'ImageCacheOptions.poll': 'Origins whose images are checked without being asked for.',
  'BusConfig.redis': 'Options of the connection, as those of a `redis` store.',
  'PollOptions.every': 'How often; at least a second.',
  'ImageHandlerOptions.signing': 'Which signatures open the handler.',
  'SigningPair.key': 'The key, in hex or as text.',
  'SigningPair.salt': 'The salt.',
  'ExposeOptions.age': '`Age`. Default true.',
  'ExposeOptions.cacheStatus': '`Cache-Status`. Default true.',
  'ExposeOptions.tags': '`Cache-Tag` and `Surrogate-Key`. Default false.',
}

// Types that are named by an alias.
interfaces.set('RedisShardConnection', { bases: ['RedisStoreOptions'], docs: new Map() })

/** Health checks are data, with their thresholds as default. */
function describe(type: string, member: string): string | undefined {
  if (type === 'HealthCheckName') return `Thresholds of the check \`${member}\`.`
  return (
    words[`${type}.${member}`] ??
    (member === 'storeName' ? words.storeName : docOf(type, member)) ??
    words[member]
  )
}

function docOf(type: string, member: string): string | undefined {
  const found = interfaces.get(type)
  const own = found?.docs.get(member)
  if (own !== undefined || found === undefined) return own
  for (const base of found.bases) {
    const inherited = base === type ? undefined : docOf(base, member)
    if (inherited !== undefined) return inherited
  }
  return undefined
}

/** Members that nothing is written about. */
export function undescribed(node: Node = configNode, seen = new Set<string>()): string[] {
  if (node.kind === 'list' || node.kind === 'map') return undescribed(node.of, seen)
  if (node.kind === 'either') return node.of.flatMap((each) => undescribed(each, seen))
  if (node.kind !== 'object' || seen.has(node.type)) return []
  seen.add(node.type)
  return Object.entries(node.shape).flatMap(([name, inner]) => [
    ...(describe(node.type, name) === undefined ? [`${node.type}.${name}`] : []),
    ...undescribed(inner, seen),
  ])
}

export const schemaText = (): string => `${JSON.stringify(jsonSchema(describe), undefined, 2)}\n`

export const introduction = readFileSync(
  new URL('reference-introduction.md', import.meta.url),
  'utf8',
)

export function referenceText(): string {
  const sections: string[] = []
  const seen = new Map<string, string>()
  const section = (node: ObjectNode, path: string) => {
    seen.set(node.type, path)
    const nested: [ObjectNode, string][] = []
    const rows = Object.entries(node.shape).map(([name, inner]) => {
      const here = path === '' ? name : `${path}.${name}`
      const takes = takesOf(inner, here, nested)
      const isRequired = node.required.includes(name)
      const meaning = (describe(node.type, name) ?? '').replaceAll('|', '\\|')
      return `| \`${name}\` | ${takes}${isRequired ? ', required' : ''} | ${meaning} |`
    })
    const oneOf =
      node.oneOf.length > 0
        ? `Exactly one of ${node.oneOf.map((name) => `\`${name}\``).join(', ')}.\n\n`
        : ''
    sections.push(
      `${path === '' ? '## All of it' : `## \`${path}\``}\n\n${oneOf}| option | takes | meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`,
    )
    for (const [inner, at] of nested) if (!seen.has(inner.type)) section(inner, at)
  }
  const takesOf = (node: Node, path: string, nested: [ObjectNode, string][]): string => {
    switch (node.kind) {
      case 'leaf':
        return leafText(node.json)
      case 'secret':
        return node.live ? 'secret, may be rotated' : 'secret'
      case 'reference':
        return `name of one of \`${node.to}\``
      case 'list':
        return `list of ${takesOf(node.of, `${path}[]`, nested)}`
      case 'map':
        return `by ${node.keys}: ${takesOf(node.of, `${path}.<${node.keys}>`, nested)}`
      case 'either':
        return node.of.map((each) => takesOf(each, path, nested)).join(', or ')
      case 'object': {
        const at = seen.get(node.type)
        if (at === undefined) nested.push([node, path])
        return at === undefined || at === path ? 'object, see below' : `object, as \`${at}\``
      }
    }
  }
  section(configNode, '')
  return `${introduction}\n${sections.join('\n')}`
}

function leafText(json: Readonly<Record<string, unknown>>): string {
  const { type, minimum, maximum, anyOf, const: constant } = json
  if (Array.isArray(json.enum)) return json.enum.map((each) => `\`${each}\``).join(', ')
  if (constant !== undefined) return `\`${String(constant)}\``
  if (Array.isArray(anyOf)) {
    const [first, second] = anyOf as { minimum?: number; const?: string; pattern?: string }[]
    if (second?.const === 'Infinity') return `whole number from ${first!.minimum}, \`Infinity\``
    return second?.pattern?.includes('kib') ? 'bytes' : 'duration'
  }
  if (type === 'string') return 'text'
  if (type === 'boolean') return '`true`, `false`'
  return `number from ${String(minimum)}${maximum === undefined ? '' : ` to ${String(maximum)}`}`
}
