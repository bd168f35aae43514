import { describe, expect, it } from 'vitest'
import { listenProblem, readInt, readServer, wrapsAround } from './address.ts'

describe('readInt', () => {
  it('reads digits, and nothing but digits', () => {
    expect(readInt('007')).toBe(7)
    for (const text of ['', '-1', '+1', '1.5', '0x10', '1 ', '٣'])
      expect(readInt(text)).toBeUndefined()
  })

  it('wraps around as a C int does, and knows that it did', () => {
    expect(readInt('2147483647')).toBe(2_147_483_647)
    expect(readInt('2147483648')).toBeUndefined()
    expect(readInt('4294967297')).toBe(1)
    expect(wrapsAround('2147483647')).toBe(false)
    expect(wrapsAround('4294967297')).toBe(true)
  })
})

describe('readServer', () => {
  it.each([
    ['10.0.0.1:11212:1', { name: '10.0.0.1:11212', host: '10.0.0.1', port: 11_212, weight: 1 }],
    ['10.0.0.1:11211:3', { name: '10.0.0.1', host: '10.0.0.1', port: 11_211, weight: 3 }],
    ['10.0.0.1:011211:1', { name: '10.0.0.1', host: '10.0.0.1', port: 11_211, weight: 1 }],
    ['10.0.0.1:027001:1', { name: '10.0.0.1:027001', host: '10.0.0.1', port: 27_001, weight: 1 }],
    ['10.0.0.1:11211:1 a', { name: 'a', host: '10.0.0.1', port: 11_211, weight: 1 }],
    ['::1:31001:1', { name: '::1:31001', host: '::1', port: 31_001, weight: 1 }],
    ['[::1]:31001:1 v6', { name: 'v6', host: '[::1]', port: 31_001, weight: 1 }],
    ['h:1:1 shard:1', { name: 'shard:1', host: 'h', port: 1, weight: 1 }],
    ['/tmp/a:2', { name: '/tmp/a:', path: '/tmp/a', weight: 2 }],
    ['/tmp/a:2 b', { name: 'b', path: '/tmp/a', weight: 2 }],
  ])('takes %s', (line, server) => {
    expect(readServer(line)).toEqual(server)
  })

  it.each([
    ['h', /found no ':'/],
    ['h:1', /only one ':'/],
    ['h:1:0', /at least 1/],
    ['h:1:x', /weight.*whole number/],
    ['h:1:-1', /weight/],
    ['h:1:1 a b', /one space before the name/],
    ['h:0:1', /port/],
    ['h:70000:1', /port/],
    ['h::1', /port/],
    ['/tmp/a', /'\/path:weight'/],
    ['/tmp/a:b:1', /cannot hold a ':'/],
  ])('refuses %s', (line, problem) => {
    expect(readServer(line)).toMatch(problem)
  })
})

describe('listenProblem', () => {
  it.each([
    '127.0.0.1:22121',
    'localhost:1',
    '127.1:80',
    '::1:22121',
    '/tmp/s',
    '/tmp/s 0777',
    '/tmp/s x',
  ])('finds none in %s', (listen) => expect(listenProblem(listen)).toBeUndefined())

  it.each([
    ['127.0.0.1', /'host:port'/],
    ['127.0.0.1:0', /from 1 to 65535/],
    ['127.0.0.1:65536', /from 1 to 65535/],
    [':22121', /neither an address nor a name/],
    ['*:22121', /0\.0\.0\.0/],
    ['[::1]:22121', /neither an address/],
    ['256.0.0.1:22121', /neither an address/],
    ['1.2.3.4.5:22121', /neither an address/],
    ['/tmp/s 1000', /octal/],
    ['/tmp/s -1', /octal/],
    [`/${'x'.repeat(107)}`, /107 bytes/],
  ])('finds one in %s', (listen, problem) => {
    expect(listenProblem(listen)).toMatch(problem)
  })
})
