import { createRing } from '../ring.ts'
import { chooseRing, isPool, type RingFile } from './ring-file.ts'
import { columns, printable, type Terminal } from './terminal.ts'

/** `holdfast-ring explain <key>`: why a key is where it is, and where it goes if that server is out. */
export function explain(
  terminal: Terminal,
  file: RingFile,
  key: string,
  options: { pool?: string | undefined; json?: boolean | undefined },
): void {
  const { name, ring: ringOptions } = chooseRing(file, options.pool)
  const ring = createRing(ringOptions)
  const { hashed, hash, point, server } = ring.explain(key)
  const next =
    ring.servers.length > 1 && hash !== undefined ? ring.without(server).locate(key) : undefined
  const address = addressOf(ringOptions.servers[ring.locateIndex(key)])

  if (options.json === true) {
    // Bytes, which a tag of non-ASCII bytes may leave, have no form in JSON but their hexadecimal digits.
    const part = typeof hashed === 'string' ? hashed : { hex: Buffer.from(hashed).toString('hex') }
    terminal.write(
      `${JSON.stringify({ pool: name, key, hashed: part, hash, point, server, next })}\n`,
    )
    return
  }
  const part =
    typeof hashed === 'string' ? printable(hashed) : `bytes ${Buffer.from(hashed).toString('hex')}`
  const kind = isPool(ringOptions) ? `, ${ringOptions.hash}` : ''
  const rows = [
    ['key', printable(key)],
    ['pool', `${printable(name)} (${ring.distribution}${kind}, ${ring.servers.length} servers)`],
  ]
  if (hash === undefined || point === undefined) {
    rows.push(['server', `by chance; this time ${printable(server)}`])
  } else {
    rows.push(
      ['hashed', hashed === key ? 'the whole key' : part],
      ['hash', hex(hash)],
      [
        'point',
        ring.distribution === 'modula' || ring.distribution === 'slots'
          ? `slot ${point}`
          : hex(point),
      ],
      [
        'server',
        address === undefined ? printable(server) : `${printable(server)} (${printable(address)})`,
      ],
      ['if it is out', next === undefined ? 'nowhere; it is the only server' : printable(next)],
    )
  }
  terminal.write(
    columns(
      rows.map(([label, value]) => [`${label}`.padEnd(14) + value!]),
      '',
    ),
  )
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`

function addressOf(
  server:
    | { host?: string | undefined; port?: number | undefined; path?: string | undefined }
    | undefined,
): string | undefined {
  if (server?.path !== undefined) return server.path
  return server?.host === undefined ? undefined : `${server.host} port ${server.port ?? 11_211}`
}
