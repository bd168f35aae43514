/**
 * What the envelope costs, beyond JSON itself, on this machine. The figures in docs/decisions/0020 and 0021 come from
 * here.
 *
 *   node packages/core/test/envelope/measure.ts
 */
import { randomBytes } from 'node:crypto'
import { resolveCodec } from '../../src/entry/codec.ts'
import { isAvailable } from '../../src/entry/compression-algorithm.ts'
import { decodeEntry, encodeValue, type ValueEntry } from '../../src/entry/envelope.ts'

const key = 'app:user:42'
const stamp = '000102030405060708090a0b0c0d0e0f'

const entryOf = (value: unknown, versions: ValueEntry['versions'] = []): ValueEntry => ({
  key,
  stamp,
  value,
  storedAt: 1_760_000_000_000,
  staleAt: 1_760_000_300_000,
  expiresAt: 1_760_000_900_000,
  staleWhileRevalidateMs: 300_000,
  staleIfErrorMs: 0,
  loadMs: 12.5,
  versions,
})

/** Nanoseconds a call: the best of several rounds, since everything else on the machine only adds. */
function measure(call: () => unknown, rounds = 60, calls = 4_000): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < calls; i++) call()
    best = Math.min(best, Number(process.hrtime.bigint() - start) / calls)
  }
  return best
}

async function measureAsync(call: () => unknown, rounds: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint()
    await call()
    best = Math.min(best, Number(process.hrtime.bigint() - start))
  }
  return best
}

const row = (id: number, text = 40) => ({
  id,
  name: `user number ${id}`,
  email: `user.${id}@example.com`,
  active: id % 3 > 0,
  score: id * 1.5,
  note: 'n'.repeat(text),
})
const values: Record<string, unknown> = {
  'flat, 1 KB': { ...row(1, 900), a: null },
  'seven rows, 1 KB': Array.from({ length: 7 }, (_, id) => row(id)),
  'nested, 19 containers, 1 KB': {
    ...row(1, 120),
    roles: ['admin', 'user'],
    address: { street: '12 Long Street', city: 'London', zip: 'N1 9GU' },
    orders: Array.from({ length: 8 }, (_, id) => ({
      id,
      total: id * 9.5,
      currency: 'EUR',
      status: 'shipped',
      items: [id, id + 1],
    })),
  },
}

console.log(`Node ${process.version}\n`)
console.log('ns                             bytes  encode  decode   JSON alone   added')
const plain = resolveCodec()
for (const [name, value] of Object.entries(values)) {
  const text = JSON.stringify(value)
  const bytes = encodeValue(entryOf(value), plain) as Uint8Array
  const encode = measure(() => encodeValue(entryOf(value), plain))
  const decode = measure(() => decodeEntry(bytes, key, plain))
  const utf8 = Buffer.from(text)
  const json =
    measure(() => Buffer.from(JSON.stringify(value))) +
    measure(() => JSON.parse(utf8.toString('utf8')))
  console.log(
    `${name.padEnd(30)} ${String(text.length).padStart(5)} ${encode.toFixed(0).padStart(7)} ${decode.toFixed(0).padStart(7)} ${json.toFixed(0).padStart(12)} ${(encode + decode - json).toFixed(0).padStart(7)}`,
  )
}

const mac = resolveCodec({ integrity: { keys: [{ id: 'k', secret: randomBytes(32) }] } })
const tags = Array.from({ length: 5 }, (_, i) => ({
  scope: 'tag' as const,
  name: `tag:${i}`,
  stamp,
}))
const rows = values['seven rows, 1 KB'] as object[]
const others: [string, ValueEntry, typeof plain][] = [
  ['seven rows with five tags', entryOf(rows, tags), plain],
  ['seven rows under an HMAC', entryOf(rows), mac],
  [
    'seven rows with a Date each',
    entryOf(rows.map((item, i) => ({ ...item, at: new Date(1.7e12 + i) }))),
    plain,
  ],
  ['seven rows in a Map by id', entryOf(new Map(rows.map((item, i) => [i, item]))), plain],
  ['a Buffer of 1 KB', entryOf(randomBytes(1024)), plain],
  ['a text of 1 KB', entryOf('t'.repeat(1024)), plain],
]
for (const [name, entry, codec] of others) {
  const bytes = encodeValue(entry, codec) as Uint8Array
  const encode = measure(() => encodeValue(entry, codec))
  const decode = measure(() => decodeEntry(bytes, key, codec))
  console.log(
    `${name.padEnd(30)} ${String(bytes.length).padStart(5)} ${encode.toFixed(0).padStart(7)} ${decode.toFixed(0).padStart(7)}`,
  )
}

console.log(
  '\nus, whole envelope    KiB  none: e    d ',
  '      gzip: ratio    e     d     brotli: ratio    e     d      zstd: ratio    e     d',
)
const algorithms = (['gzip', 'brotli', 'zstd'] as const).filter(isAvailable)
for (const kib of [1, 4, 16, 64, 65, 256, 1024, 7000]) {
  const many: object[] = []
  for (let size = 0; size < kib * 1024; size += JSON.stringify(many.at(-1)).length + 1) {
    const id = many.length * 7919
    many.push({
      id,
      name: `user ${id % 977}`,
      email: `u${id}@example.com`,
      at: id * 7_000_000,
      score: Math.sin(id),
    })
  }
  many.pop()
  const value = JSON.stringify(many)
  const count = kib > 500 ? 4 : 25
  const cost = async (codec: typeof plain) => {
    const bytes = await encodeValue(entryOf(value), codec)
    const encode = await measureAsync(() => encodeValue(entryOf(value), codec), count)
    const decode = await measureAsync(() => decodeEntry(bytes, key, codec), count)
    return { ratio: value.length / bytes.length, encode: encode / 1000, decode: decode / 1000 }
  }
  const none = await cost(plain)
  let line = `${''.padEnd(18)} ${String(kib).padStart(6)} ${none.encode.toFixed(0).padStart(7)} ${none.decode.toFixed(0).padStart(5)}`
  for (const algorithm of algorithms) {
    const { ratio, encode, decode } = await cost(
      resolveCodec({ compression: { algorithm, thresholdBytes: 0 } }),
    )
    line += `${ratio.toFixed(1).padStart(16)} ${encode.toFixed(0).padStart(7)} ${decode.toFixed(0).padStart(5)}`
  }
  console.log(line)
}
