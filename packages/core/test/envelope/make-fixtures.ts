/**
 * Writes the fixtures of the current envelope format that are still missing. One that exists is never written again:
 * it stands for entries that a released version left in somebody's store.
 *
 *   node packages/core/test/envelope/make-fixtures.ts
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolveCodec } from '../../src/entry/codec.ts'
import { encodeClaim, encodeValue, encodeVersion } from '../../src/entry/envelope.ts'
import { describeValue } from './describe-value.ts'
import { type FixtureCase, fixtureSecret, v1Cases } from './v1-cases.ts'

const folder = new URL('../fixtures/envelope/v1/', import.meta.url)

async function encode({ key, options, entry }: FixtureCase): Promise<Uint8Array> {
  const codec = resolveCodec(options)
  if (entry.kind === 'value') return encodeValue({ key, ...entry }, codec)
  if (entry.kind === 'version') return encodeVersion({ key, ...entry }, codec)
  const { stamp, beat } = entry
  return encodeClaim({ key, stamp, beat, failed: entry.kind === 'failed-claim' }, codec)
}

function describeEntry(entry: FixtureCase['entry']): object {
  if (entry.kind !== 'value') return entry
  const { staleAt, expiresAt } = entry
  return {
    ...entry,
    staleAt: describeValue(staleAt),
    expiresAt: describeValue(expiresAt),
    value: describeValue(entry.value),
    metadata: entry.metadata ?? null,
  }
}

mkdirSync(folder, { recursive: true })
const index = []
for (const fixture of v1Cases) {
  const file = new URL(`${fixture.name}.bin`, folder)
  if (!existsSync(file)) {
    writeFileSync(file, await encode(fixture))
    console.log(`wrote ${fixture.name}.bin`)
  }
  const { compression, integrity, serializer } = fixture.options ?? {}
  index.push({
    file: `${fixture.name}.bin`,
    sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
    key: fixture.key,
    ...(compression === undefined ? {} : { compression: compression.algorithm }),
    ...(integrity === undefined ? {} : { secrets: { 'fixture-key': fixtureSecret } }),
    ...(serializer === undefined ? {} : { serializer: serializer.name }),
    entry: describeEntry(fixture.entry),
  })
}
writeFileSync(new URL('index.json', folder), `${JSON.stringify(index, null, 2)}\n`)
