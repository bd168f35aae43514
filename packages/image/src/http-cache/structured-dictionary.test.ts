import { describe, expect, it } from 'vitest'
import { parseDictionary } from './structured-dictionary.ts'

const read = (text: string) => {
  const members = parseDictionary(text)
  return members && Object.fromEntries([...members].map(([name, item]) => [name, item]))
}

describe('a dictionary of structured fields', () => {
  it('holds every kind of item, with parameters', () => {
    expect(
      read('a=1, b=-2.5;p=1, c="x\\"y";q, d=tok/en:x, e=:aGk=:, f=?0, g, h=(1 "a";b c), i=@17'),
    ).toEqual({
      a: { type: 'integer', value: 1 },
      b: { type: 'decimal', value: -2.5 },
      c: { type: 'string', value: 'x"y' },
      d: { type: 'token', value: 'tok/en:x' },
      e: { type: 'bytes', value: ':aGk=:' },
      f: { type: 'boolean', value: false },
      g: { type: 'boolean', value: true },
      h: { type: 'list', value: '' },
      i: { type: 'date', value: 17 },
    })
  })

  it('takes the last of several of one name', () => {
    expect(read('a=1,a=2')).toEqual({ a: { type: 'integer', value: 2 } })
  })

  it('is refused as a whole for any fault', () => {
    for (const text of [
      'a=',
      'a=1,',
      ',a=1',
      'a=1 b=2',
      'A=1',
      'a=1, &',
      'a="x',
      'a="ü"',
      'a=(1',
      'a=(1"x")',
      'a=?2',
      'a=@1.5',
      'a=1234567890123456',
      'a;=1',
    ]) {
      expect(parseDictionary(text), text).toBeUndefined()
    }
  })
})
