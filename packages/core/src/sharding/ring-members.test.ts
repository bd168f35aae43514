import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../errors.ts'
import { ringMembers } from './ring-members.ts'

const refusal = (servers: unknown): string => {
  try {
    ringMembers(servers, undefined, 'slots')
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError)
    return (error as Error).message
  }
  throw new Error('the list was taken')
}

describe('a list of servers is refused', () => {
  it.each([
    ['that is none', 'a:1', /servers must be a list/],
    ['that is missing', undefined, /servers must be a list/],
    ['that is empty', [], /at least one server/],
    ['with a text in it', ['10.0.0.1:11211'], /servers\[0\] must be an object/],
    ['with null in it', [null], /servers\[0\] must be an object/],
    ['with a nameless server', [{ weight: 1 }], /servers\[0\] needs a name/],
    ['with an empty name', [{ name: '' }], /servers\[0\]\.name must be a non-empty string/],
    ['with a name that is no text', [{ name: 7 }], /servers\[0\]\.name/],
    [
      'with two of one name',
      [{ name: 'a' }, { name: 'a' }],
      /servers\[1\] has the same name as servers\[0\]/,
    ],
    ['with weight 0', [{ name: 'a', weight: 0 }], /weight must be a whole number.* got 0/],
    ['with a negative weight', [{ name: 'a', weight: -1 }], /got -1/],
    ['with a broken weight', [{ name: 'a', weight: 1.5 }], /got 1\.5/],
    ['with a weight that is no number', [{ name: 'a', weight: '1' }], /got a string/],
    ['with a weight beyond 32 bits', [{ name: 'a', weight: 2 ** 31 }], /from 1 to 2147483647/],
    ['with NaN for a weight', [{ name: 'a', weight: Number.NaN }], /got NaN/],
    ['with port 0', [{ host: 'a', port: 0 }], /port must be a whole number from 1 to 65535, got 0/],
    ['with port 70000', [{ host: 'a', port: 70_000 }], /got 70000/],
    ['with a host and a path', [{ host: 'a', path: '/p' }], /a host and a path/],
    ['with a misspelt field', [{ name: 'a', wieght: 2 }], /did you mean 'weight'/],
  ])('%s', (_what, servers, message) => {
    expect(refusal(servers)).toMatch(message)
  })
})

describe('what is hashed for a server', () => {
  const hashed = (server: object, compat?: 'twemproxy' | 'libmemcached' | 'pymemcache') =>
    ringMembers([server], compat, compat === 'pymemcache' ? 'rendezvous' : 'ketama')[0]!.ringName

  it('is its name, IPv6 addresses and paths of sockets included', () => {
    for (const name of ['a', '::1:11211', '[::1]:11211', '/tmp/memcached.sock', 'host:70000']) {
      expect(hashed({ name })).toBe(name)
    }
  })

  it('is made of the address where there is no name', () => {
    expect(hashed({ host: '10.0.0.1', port: 11_211 })).toBe('10.0.0.1:11211')
    expect(hashed({ host: '::1', port: 11_212 })).toBe('::1:11212')
    expect(hashed({ host: 'cache.example' })).toBe('cache.example')
    expect(hashed({ path: '/p' })).toBe('/p')
  })

  it('leaves the port 11211 out for twemproxy, but not out of an alias', () => {
    expect(hashed({ name: '10.0.0.1:11211' }, 'twemproxy')).toBe('10.0.0.1')
    expect(hashed({ name: '10.0.0.1:011211' }, 'twemproxy')).toBe('10.0.0.1')
    expect(hashed({ name: '10.0.0.1:11212' }, 'twemproxy')).toBe('10.0.0.1:11212')
    expect(hashed({ host: '10.0.0.1', port: 11_211 }, 'twemproxy')).toBe('10.0.0.1')
    expect(hashed({ name: 'b:11211', host: '10.0.0.1', port: 11_212 }, 'twemproxy')).toBe('b:11211')
    expect(hashed({ path: '/p' }, 'twemproxy')).toBe('/p:')
    expect(hashed({ name: '/p' }, 'twemproxy')).toBe('/p:')
    expect(hashed({ name: '/p:' }, 'twemproxy')).toBe('/p:')
    expect(hashed({ name: '/alias', path: '/p' }, 'twemproxy')).toBe('/alias')
  })

  it('is the address for libmemcached, which knows no aliases', () => {
    expect(hashed({ name: 'alias', host: '10.0.0.1', port: 11_211 }, 'libmemcached')).toBe(
      '10.0.0.1',
    )
    expect(hashed({ name: 'alias', host: '10.0.0.1', port: 11_212 }, 'libmemcached')).toBe(
      '10.0.0.1:11212',
    )
    expect(hashed({ name: '10.0.0.1:11211' }, 'libmemcached')).toBe('10.0.0.1')
    expect(hashed({ path: '/p' }, 'libmemcached')).toBe('/p:0')
    expect(hashed({ name: '/p' }, 'libmemcached')).toBe('/p:0')
  })

  it('refuses names that differ only in a port that is not hashed', () => {
    expect(() => ringMembers([{ name: 'a' }, { name: 'a:11211' }], 'twemproxy', 'ketama')).toThrow(
      /same name/,
    )
  })
})
