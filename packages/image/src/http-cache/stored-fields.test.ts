import { describe, expect, it } from 'vitest'
import { storedFields } from './stored-fields.ts'

const stored = (list: [string, string][], keepSetCookie = false) =>
  storedFields(list, { targetedFields: ['cdn-cache-control'], keepSetCookie }).map(([name]) => name)

describe('what is kept of the fields', () => {
  it('is nothing of the connection, and nothing that it names', () => {
    expect(
      stored([
        ['Connection', 'A, close'],
        ['A', '1'],
        ['Keep-Alive', 'x'],
        ['TE', 'x'],
        ['Trailer', 'x'],
        ['Transfer-Encoding', 'chunked'],
        ['Upgrade', 'x'],
        ['Proxy-Authenticate', 'x'],
        ['B', '2'],
      ]),
    ).toEqual(['b'])
  })

  it('is nothing that no-cache or private name, also in a targeted field', () => {
    const fields: [string, string][] = [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ]
    expect(stored([...fields, ['cache-control', 'no-cache="a", private="B"']])).toEqual([
      'c',
      'cache-control',
    ])
    expect(stored([...fields, ['cdn-cache-control', 'private="a"']])).toContain('b')
    expect(stored([...fields, ['cdn-cache-control', 'private="a"']])).not.toContain('a')
  })

  it('is no cookie of one client, unless somebody wants it shared', () => {
    expect(stored([['Set-Cookie', 'a=b']])).toEqual([])
    expect(stored([['Set-Cookie', 'a=b']], true)).toEqual(['set-cookie'])
  })
})
