import { describe, expect, it } from 'vitest'
import { fieldNames, fieldsOf, listMembers } from './fields.ts'

describe('header fields', () => {
  it('are found by lower-case name, the lines of one name joined', () => {
    const fields = fieldsOf([
      ['Vary', 'Accept'],
      ['ETag', '"a"'],
      ['vary', 'Foo'],
    ])
    expect(fields.get('vary')).toBe('Accept, Foo')
    expect(fields.get('etag')).toBe('"a"')
    expect(fields.get('Vary')).toBeUndefined()
  })

  it('may have the names of properties that every object has', () => {
    const fields = fieldsOf([['__proto__', 'a']])
    expect(fields.get('__proto__')).toBe('a')
    expect(fieldsOf([]).get('constructor')).toBeUndefined()
  })

  it('are parted at commas, but for quoted ones, and without empty members', () => {
    expect(listMembers(' a , ,b="c, \\", d",, e ')).toEqual(['a', 'b="c, \\", d"', 'e'])
    expect(listMembers('"never ends, a')).toEqual(['"never ends, a'])
    expect(listMembers('')).toEqual([])
  })

  it('name others in lower case, each once', () => {
    expect(fieldNames('Foo, bar,FOO')).toEqual(['foo', 'bar'])
    expect(fieldNames(null)).toEqual([])
  })
})
