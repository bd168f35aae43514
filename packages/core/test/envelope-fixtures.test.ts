import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveCodec } from '../src/entry/codec.ts'
import { decodeEntry } from '../src/entry/envelope.ts'
import { describeValue } from './envelope/describe-value.ts'
import { v1Cases } from './envelope/v1-cases.ts'

interface IndexedFixture {
  readonly file: string
  readonly sha256: string
  readonly key: string
  readonly compression?: string
  readonly secrets?: Record<string, string>
  readonly serializer?: string
  readonly entry: Record<string, unknown>
}

const folder = new URL('./fixtures/envelope/v1/', import.meta.url)
const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as IndexedFixture[]
const bytesOf = (file: string) => readFileSync(new URL(file, folder))

describe('entries that format 1 left in a store', () => {
  it('are all there, and none was written anew', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.bin'))
    expect(index.map(({ file }) => file).toSorted()).toEqual(files.toSorted())
    expect(v1Cases.map(({ name }) => `${name}.bin`).toSorted()).toEqual(files.toSorted())
    for (const { file, sha256 } of index) {
      expect(createHash('sha256').update(bytesOf(file)).digest('hex'), file).toBe(sha256)
    }
  })

  it.each(v1Cases)('are read as they were: $name', async ({ name, key, options, entry }) => {
    const bytes = bytesOf(`${name}.bin`)
    const expected = entry.kind === 'value' ? { ...entry, key, bytes: bytes.length } : { ...entry }
    const read = await decodeEntry(bytes, key, resolveCodec(options))
    expect(isDeepStrictEqual({ ...read }, expected)).toBe(true)
  })

  it.each(v1Cases)('belong to their key: $name', async ({ name, options }) => {
    const read = await decodeEntry(bytesOf(`${name}.bin`), 'app:other', resolveCodec(options))
    expect(read).toEqual({ kind: 'refused', reason: 'key' })
  })
})

const hasPython = spawnSync('python3', ['--version']).status === 0

describe(`the page about the envelope, checked with ${hasPython ? 'its reader in Python' : 'Node alone, since there is no python3 here'}`, () => {
  let scratch = ''
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'envelope-'))
    const page = readFileSync(
      new URL('../../../docs/concepts/envelope.md', import.meta.url),
      'utf8',
    )
    const reader = /^```python\n(.*?)^```$/ms.exec(page)?.[1]
    expect(reader).toBeDefined()
    writeFileSync(join(scratch, 'reader.py'), reader ?? '')
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  const runReader = (file: string, fixture: IndexedFixture) =>
    spawnSync(
      'python3',
      [join(scratch, 'reader.py'), file, fixture.key, JSON.stringify(fixture.secrets ?? {})],
      {
        encoding: 'utf8',
      },
    )
  const readWithNode = async (fixture: IndexedFixture) => {
    const { options } = v1Cases.find(({ name }) => `${name}.bin` === fixture.file) ?? {}
    return decodeEntry(bytesOf(fixture.file), fixture.key, resolveCodec(options))
  }

  it.each(index)('tells what is in $file', async (fixture) => {
    const { value, ...fields } = fixture.entry
    if (!hasPython) {
      const read = await readWithNode(fixture)
      expect(read).toMatchObject({ kind: fields.kind, stamp: fields.stamp })
      if (read.kind === 'value') expect(describeValue(read.value)).toEqual(value)
      return
    }
    const { status, stdout, stderr } = runReader(
      fileURLToPath(new URL(fixture.file, folder)),
      fixture,
    )
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const read = JSON.parse(stdout) as Record<string, unknown>
    expect(read).toMatchObject(fields)
    // Python's library has neither brotli nor zstd, and knows nothing of a serializer of the user's.
    if (fixture.serializer !== undefined) expect(read.serializer).toBe(fixture.serializer)
    else if (fixture.compression === 'brotli' || fixture.compression === 'zstd')
      expect(read).not.toHaveProperty('value')
    else if (fields.kind === 'value') expect(read.value).toEqual(value)
  })

  it('has a reader that refuses what is damaged, moved, or sealed with another key', () => {
    const fixture = index.find(({ file }) => file === 'hmac.bin') as IndexedFixture
    const path = fileURLToPath(new URL(fixture.file, folder))
    const damaged = bytesOf(fixture.file)
    damaged[60] = (damaged[60] as number) ^ 1
    writeFileSync(join(scratch, 'damaged.bin'), damaged)
    const otherSecret = { 'fixture-key': 'another secret of more than 32 bytes' }
    if (!hasPython) {
      expect(decodeEntry(damaged, fixture.key, resolveCodec())).toMatchObject({ kind: 'refused' })
      return
    }
    for (const run of [
      runReader(join(scratch, 'damaged.bin'), fixture),
      runReader(path, { ...fixture, key: 'app:other' }),
      runReader(path, { ...fixture, secrets: otherSecret }),
    ]) {
      expect(run.stderr).toMatch(/ValueError: /)
      expect(run.status).not.toBe(0)
    }
  })
})
