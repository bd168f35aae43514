import { canarySecret } from '@holdfast/lab/canary'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OriginEntry } from '../network/settings.ts'
import { imageKey } from './image-key.ts'
import type { KeySettings } from './image-settings.ts'

const plain: KeySettings = { preset: undefined, sortQuery: false, dropQuery: [], secret: undefined }
const key = (
  url: string,
  settings: Partial<KeySettings> = {},
  variant?: string,
  entry?: Partial<OriginEntry>,
) => imageKey(new URL(url), entry as OriginEntry | undefined, variant, { ...plain, ...settings })
const base = 'https://h.example/a'

describe('a key', () => {
  it.each([
    ['a fragment', `${base}#x`, base],
    ['the spelling of a host', 'https://H.example:443/a', base],
    ['dot segments', 'https://h.example/b/../a', base],
  ])('is the same whatever %s', (_, one, other) => {
    expect(key(one)).toBe(key(other))
  })

  it.each([
    ['order of parameters', `${base}?a=1&b=2`, `${base}?b=2&a=1`],
    ['escapes', `${base}?q=%41`, `${base}?q=A`],
    ['an empty query', `${base}?`, base],
    ['a parameter', `${base}?utm_source=x`, base],
    ['a slash', `${base}/`, base],
    ['the scheme', 'http://h.example/a', base],
    ['a port', 'https://h.example:444/a', base],
  ])('differs by %s', (_, one, other) => {
    expect(key(one)).not.toBe(key(other))
  })

  it('tells any two variants and URLs apart, however they are cut', () => {
    expect(key(`${base}?v=2048`, {}, '')).not.toBe(key(`${base}?v=20`, {}, '48'))
    expect(key(base, {}, '')).not.toBe(key(base))
    const parts = fc.tuple(fc.webPath(), fc.option(fc.string({ maxLength: 3 }), { nil: undefined }))
    fc.assert(
      fc.property(parts, parts, ([path, variant], [otherPath, otherVariant]) => {
        const one = new URL(`https://h.example${path}`).href
        const other = new URL(`https://h.example${otherPath}`).href
        fc.pre(one !== other || variant !== otherVariant)
        expect(key(one, {}, variant)).not.toBe(key(other, {}, otherVariant))
      }),
    )
  })

  it('may leave the order and some parameters out, if asked', () => {
    const sorted = { sortQuery: true }
    expect(key(`${base}?b=2&a=1&a=0`, sorted)).toBe(key(`${base}?a=1&a=0&b=2`, sorted))
    expect(key(`${base}?a=1&a=0`, sorted)).not.toBe(key(`${base}?a=0&a=1`, sorted))
    const dropped = { dropQuery: ['utm_*', 'ref'] }
    expect(key(`${base}?utm_source=x&ref=1&id=7`, dropped)).toBe(key(`${base}?id=7`, dropped))
    expect(key(`${base}?ref=1`, dropped)).toBe(key(base, dropped))
    expect(key(`${base}?reference=1`, dropped)).not.toBe(key(base, dropped))
  })

  it.each([
    ['s3', 'X-Amz-Signature=a&X-Amz-Date=b&x-amz-security-token=c'],
    ['s3', 'AWSAccessKeyId=a&Signature=b&Expires=1'],
    ['gcs', 'X-Goog-Signature=a&X-Goog-Expires=60'],
    ['gcs', 'GoogleAccessId=a&Signature=b&Expires=1'],
    ['azure', 'sv=2024&sig=a&se=b&sp=r&sr=b'],
    ['cloudfront', 'Policy=a&Signature=b&Key-Pair-Id=c'],
  ] as const)(
    'with preset %s leaves out the signature %s, and nothing that chooses the image',
    (preset, query) => {
      const settings = { preset }
      expect(key(`${base}?id=7&${query}`, settings)).toBe(key(`${base}?id=7`, settings))
      for (const chooses of [
        'versionId=1',
        'response-content-type=x',
        'generation=3',
        'rsct=x',
        'w=3',
      ]) {
        expect(key(`${base}?${chooses}&${query}`, settings)).not.toBe(
          key(`${base}?${query}`, settings),
        )
      }
      expect(key(`${base}?${query}`)).not.toBe(key(base))
    },
  )

  it('keeps a parameter that is called like an older signature but is none', () => {
    expect(key(`${base}?Signature=a`, { preset: 's3' })).not.toBe(key(base, { preset: 's3' }))
    expect(key(`${base}?se=a`, { preset: 'azure' })).not.toBe(key(base, { preset: 'azure' }))
  })

  it("is nobody else's where credentials differ", () => {
    const as = (headers: OriginEntry['headers']) =>
      key(base, {}, undefined, { match: 'm', headers })
    const keys = [
      key(base),
      as({ authorization: `Bearer ${canarySecret('a')}` }),
      as({ authorization: `Bearer ${canarySecret('b')}` }),
      as({ cookie: `Bearer ${canarySecret('a')}` }),
      as(() => ({})),
      as(() => ({ authorization: `Bearer ${canarySecret('a')}` })),
    ]
    expect(new Set(keys).size).toBe(keys.length)
    expect(as({ Authorization: `Bearer ${canarySecret('a')}`, b: '1' })).toBe(
      as({ b: '1', authorization: `Bearer ${canarySecret('a')}` }),
    )
  })

  it('cannot be guessed by who knows the URL but not the secret', () => {
    const secret = canarySecret('key')
    expect(key(base, { secret })).not.toBe(key(base))
    expect(key(base, { secret })).not.toBe(key(base, { secret: `${secret}!` }))
    expect(key(base, { secret })).toBe(key(base, { secret }))
  })
})
