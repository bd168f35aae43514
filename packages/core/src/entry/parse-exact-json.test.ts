import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseExactJson } from './parse-exact-json.ts'

/** Shapes after which V8 mistakes other names for these. */
const poison = () => {
  for (const name of ['\\', 'a\\', '\\n'])
    for (const text of [{ h: 1, [name]: 0 }, { [name]: 0 }, { a: 1, b: 2, [name]: 0 }])
      JSON.parse(JSON.stringify(text))
}

describe('names with an escape', () => {
  test.each(['"', '\\', '\n', 'a"', '"y', '\\"', '\u0000', '\ud800', 'ä"', '__proto__"'])(
    'are what was written, whatever was read before: %j',
    (name) => {
      poison()
      for (const value of [
        { h: 1, [name]: 2 },
        { [name]: 2 },
        [{ a: 1, b: 2, [name]: { [name]: [] } }],
      ])
        expect(parseExactJson(JSON.stringify(value))).toStrictEqual(value)
    },
  )

  test('beside __proto__ make no prototype', () => {
    const value = parseExactJson('{"\\"":1,"__proto__":{"a":1}}') as Record<string, unknown>
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['"', '__proto__'])
  })

  test('in JSON with spaces, and of two values of one name the last', () => {
    expect(
      parseExactJson(' { "\\n" : [ 1 , -2.5e3 ] ,\n"b" : { } , "b":null,"c":"x\\":{}" } '),
    ).toEqual({
      '\n': [1, -2_500],
      b: null,
      c: 'x":{}',
    })
  })
})

test('everything else is as JSON.parse has it, also text that holds JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      poison()
      for (const each of [value, { a: JSON.stringify(value), '"': value }]) {
        const text = JSON.stringify(each)
        expect(JSON.stringify(parseExactJson(text))).toBe(text)
      }
    }),
    { numRuns: 2_000, seed: 11 },
  )
})

test.each(['', '{', '{"a"}', '{"\\"":1,}', '["\\n":1]', '{"\\x":1}', '{"\\"":01}', '"a\nb"'])(
  'what is no JSON is refused as ever: %j',
  (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError)
  },
)

test('a text of a megabyte full of escapes is read in one pass', () => {
  const text = JSON.stringify({ a: '\\"\n'.repeat(150_000), '"': ['"'.repeat(300_000)] })
  expect(JSON.stringify(parseExactJson(text))).toBe(text)
  expect(JSON.stringify(parseExactJson(JSON.stringify([text])))).toBe(JSON.stringify([text]))
})
