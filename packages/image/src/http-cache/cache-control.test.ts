import { describe, expect, it } from 'vitest'
import { parseCacheControl, responseCacheControl } from './cache-control.ts'
import { fieldsOf } from './fields.ts'

describe('Cache-Control', () => {
  it('gives spans in milliseconds, whatever the case of their names', () => {
    const control = parseCacheControl(
      'MaX-aGe=60, s-maxage="120", stale-while-revalidate=5, stale-if-error=6, min-fresh=7',
    )
    expect(control).toMatchObject({
      maxAge: 60_000,
      sMaxage: 120_000,
      staleWhileRevalidate: 5_000,
      staleIfError: 6_000,
      minFresh: 7_000,
    })
  })

  it('reads leading zeros, and caps what is too large for anybody', () => {
    expect(parseCacheControl('max-age=003600').maxAge).toBe(3_600_000)
    expect(parseCacheControl('max-age=99999999999999999999').maxAge).toBe(2_147_483_648_000)
  })

  it('tells a span that cannot be read from none', () => {
    for (const value of [
      'max-age',
      'max-age=',
      'max-age=-1',
      'max-age=1.5',
      'max-age=a1',
      'max-age=1a',
      "max-age='1'",
      'max-age =1',
      'max-age= 1',
      'max-age=1, max-age=2',
    ]) {
      expect(parseCacheControl(value).maxAge, value).toBe('invalid')
    }
    expect(parseCacheControl('max-age=1, max-age=1').maxAge).toBe(1_000)
    expect(parseCacheControl('public').maxAge).toBeUndefined()
  })

  it('sees nothing inside a quoted string', () => {
    expect(parseCacheControl('extension="max-age=3600, no-store", max-age=1')).toMatchObject({
      maxAge: 1_000,
      noStore: false,
    })
  })

  it('tells no-cache and private with field names from those without', () => {
    expect(parseCacheControl('no-cache="A, b", private="c"')).toMatchObject({
      noCache: false,
      noCacheFields: ['a', 'b'],
      isPrivate: false,
      privateFields: ['c'],
    })
    expect(parseCacheControl('no-cache="a", no-cache').noCache).toBe(true)
    expect(parseCacheControl('no-cache=""').noCache).toBe(true)
    expect(parseCacheControl('private=""').isPrivate).toBe(true)
  })

  it('takes max-stale without a value for any time', () => {
    expect(parseCacheControl('max-stale').maxStale).toBe(Number.POSITIVE_INFINITY)
    expect(parseCacheControl('max-stale=5').maxStale).toBe(5_000)
  })

  it('of half a megabyte of commas and quotes is read in no time worth speaking of', () => {
    const startedAt = performance.now()
    parseCacheControl(',"'.repeat(250_000))
    parseCacheControl('a,'.repeat(250_000))
    responseCacheControl(fieldsOf([['x', `a${' '.repeat(500_000)}b`]]), ['x'])
    responseCacheControl(fieldsOf([['x', 'a=1, '.repeat(100_000)]]), ['x'])
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })
})

describe('a targeted field', () => {
  const read = (fields: Record<string, string>) =>
    responseCacheControl(fieldsOf(Object.entries(fields)), ['cdn-cache-control'])

  it('goes before Cache-Control, as a whole', () => {
    const { control, targeted } = read({
      'cache-control': 'no-store',
      'cdn-cache-control': 'max-age=60',
    })
    expect(targeted).toBe(true)
    expect(control).toMatchObject({ noStore: false, maxAge: 60_000 })
  })

  it('is ignored where it is empty, malformed, or gives a span that is no integer', () => {
    for (const value of ['', 'max-age=1, &&&', 'max-age="1"', 'max-age=1.0', 'Max-Age=1', 'a,']) {
      const { control, targeted } = read({
        'cache-control': 'no-store',
        'cdn-cache-control': value,
      })
      expect(targeted, value).toBe(false)
      expect(control.noStore, value).toBe(true)
    }
  })

  it('may switch a directive off', () => {
    expect(read({ 'cdn-cache-control': 'no-store=?0, max-age=1' }).control.noStore).toBe(false)
    expect(read({ 'cdn-cache-control': 'no-store, max-age=1' }).control.noStore).toBe(true)
  })
})
