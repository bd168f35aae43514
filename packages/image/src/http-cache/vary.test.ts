import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { favouriteLanguage, variantId, varyNames } from './vary.ts'

const request = (of: Record<string, string>) => fieldsOf(Object.entries(of))
const id = (names: string[], of: Record<string, string>) => variantId(names, request(of))

describe('what selects a variant', () => {
  it('is the fields that Vary names, sorted, each once, and no others', () => {
    expect(varyNames(request({ vary: 'Foo, bar, FOO' }))).toEqual(['bar', 'foo'])
    expect(id(['foo'], { foo: '1', other: '2' })).toBe(id(['foo'], { foo: '1', other: '3' }))
    expect(id(['foo'], { foo: '1' })).not.toBe(id(['foo'], { foo: '2' }))
  })

  it('tells a field that is not sent from one that is empty', () => {
    expect(id(['foo'], {})).not.toBe(id(['foo'], { foo: '' }))
  })

  it('is the same whatever the blanks around commas', () => {
    expect(id(['foo'], { foo: '1,2' })).toBe(id(['foo'], { foo: ' 1 , 2 ' }))
    expect(id(['foo'], { foo: '1 2' })).not.toBe(id(['foo'], { foo: '12' }))
  })

  it('is the same whatever the case only where case means nothing', () => {
    const language = 'accept-language'
    expect(id([language], { [language]: 'en, DE;q=0.5' })).toBe(
      id([language], { [language]: 'EN,de; q=0.5' }),
    )
    expect(id(['foo'], { foo: 'a' })).not.toBe(id(['foo'], { foo: 'A' }))
  })

  it('minds the order of languages, unless it is asked not to', () => {
    const [one, other] = ['en, de', 'de, en'].map((value) => request({ 'accept-language': value }))
    const names = ['accept-language']
    expect(variantId(names, one!)).not.toBe(variantId(names, other!))
    expect(variantId(names, one!, 'weighed')).toBe(variantId(names, other!, 'weighed'))
  })

  it('never is the same for requests that differ in it', () => {
    // Values without commas, quotes and blanks mean what they say.
    const value = fc.option(fc.stringMatching(/^[!#-+\--~]*$/), { nil: undefined })
    const pair = fc.tuple(value, value)
    fc.assert(
      fc.property(pair, pair, (left, right) => {
        const of = ([a, b]: (string | undefined)[]) =>
          id(['a', 'b'], {
            ...(a === undefined ? {} : { a }),
            ...(b === undefined ? {} : { b }),
          })
        expect(of(left) === of(right)).toBe(left[0] === right[0] && left[1] === right[1])
      }),
    )
  })
})

describe('the favourite language', () => {
  const favourite = (value: string) => favouriteLanguage(request({ 'accept-language': value }))

  it('is the only one with the greatest weight', () => {
    expect(favourite('fr;q=0.5, DE;q=1.0')).toBe('de')
    expect(favourite('de')).toBe('de')
  })

  it('is none where several share it, where it is any, or where a weight is none', () => {
    for (const value of ['', 'en, de', '*', 'en;q=0', 'en;q=2', 'en;q=x, de;q=0.1']) {
      expect(favourite(value), value).toBeUndefined()
    }
  })
})
