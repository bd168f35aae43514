import { canary } from '@holdfast/lab/canary'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import type { GuardOptions } from './options.ts'
import { readGuardSettings } from './settings.ts'
import { admitUrl, parseUrl } from './url-rules.ts'

/** `'admitted by …'`, or the code of the refusal. */
function verdict(url: unknown, options: Partial<GuardOptions> = {}): string {
  const settings = readGuardSettings({
    origins: ['*'],
    network: { schemes: ['http', 'https'] },
    ...options,
  })
  try {
    return `admitted by ${admitUrl(parseUrl(url), settings).match}`
  } catch (error) {
    expect(error).toBeInstanceOf(ImageError)
    return (error as ImageError).code
  }
}

describe('a URL', () => {
  it.each([
    [undefined],
    [42],
    [''],
    ['/a.png'],
    ['//img.example.com/a.png'],
    ['img.example.com/a.png'],
    ['http://'],
    ['http://img.example.com./a.png'],
    ['http://img.example.com\\a.png'],
    ['http:\\\\img.example.com/'],
    [' http://img.example.com/'],
    ['http://img.example.com/a b.png'],
    ['http://img.example.com/\ta'],
    ['http://img.example.com/a\r\nhost: evil'],
    ['http://img.exa\u0000mple.com/'],
    ['http://img.example.com/\u007f'],
    ['http://img.example.com/\u0085'],
    ['http://img.example.com/\ud800'],
    ['http://[::1/'],
    ['http://[::1%25eth0]/'],
    ['http://1.2.3.256/'],
    ['http://a%00b/'],
    ['http://img.example.com:99999/'],
    [`http://img.example.com/${'a'.repeat(4_096)}`],
  ])('%j is none', (url) => {
    expect(verdict(url)).toBe('url')
  })

  it('may have 4,096 characters', () => {
    const url = 'http://img.example.com/'
    expect(verdict(url.padEnd(4_096, 'a'))).toBe('admitted by *')
    expect(verdict(url.padEnd(4_097, 'a'))).toBe('url')
  })

  it.each([
    'file:///etc/passwd',
    'ftp://a.example/',
    'data:image/png;base64,AA==',
    'javascript:alert(1)',
    'gopher://a.example/',
    'ws://a.example/',
    'blob:http://a.example/1',
  ])('%s has a scheme that is not admitted', (url) => {
    expect(verdict(url)).toBe('scheme')
  })

  it('is https only, unless the schemes say otherwise', () => {
    expect(verdict('http://a.example/', { network: {} })).toBe('scheme')
    expect(verdict('https://a.example/', { network: {} })).toBe('admitted by *')
  })

  it.each([
    'http://user@a.example/',
    'http://:pass@a.example/',
    'http://user:pass@a.example/',
    'http://a.example:80@b.example/',
  ])('%s is refused for its credentials, which its message does not show', (url) => {
    expect(verdict(url)).toBe('credentials')
  })

  it('has the port of its scheme, or one that is opened', () => {
    expect(verdict('http://a.example:80/')).toBe('admitted by *')
    expect(verdict('http://a.example:443/')).toBe('port')
    expect(verdict('http://a.example:8080/')).toBe('port')
    expect(verdict('http://a.example:0/')).toBe('port')
    const network = { schemes: ['http'] as const, ports: [8080] }
    expect(verdict('http://a.example:8080/', { network })).toBe('admitted by *')
    const origins = [{ match: 'http://a.example', ports: [81] }, 'http://b.example:82']
    expect(verdict('http://a.example:81/', { origins })).toBe('admitted by http://a.example')
    expect(verdict('http://a.example/', { origins })).toBe('admitted by http://a.example')
    expect(verdict('http://b.example:81/', { origins })).toBe('port')
    expect(verdict('http://b.example:82/', { origins })).toBe('admitted by http://b.example:82')
    // A port that is named is the only one.
    expect(verdict('http://b.example/', { origins })).toBe('origin')
    // And one that is opened by an entry is open to that entry alone.
    const both = [
      'http://a.example',
      'http://a.example:81',
      { match: 'http://a.example/x', ports: [82] },
    ]
    expect(verdict('http://a.example:81/', { origins: both })).toBe(
      'admitted by http://a.example:81',
    )
    expect(verdict('http://a.example:82/x', { origins: both })).toBe(
      'admitted by http://a.example/x',
    )
  })

  it.each([
    'http://127.1/',
    'http://0x7f.1/',
    'http://017700000001/',
    'http://2130706433/',
    'http://0/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a00:1]/',
    'http://127.0.0.1./',
    'http://１２７.0.0.1/',
    'http://127。0。0。1/',
    'http://%31%32%37.0.0.1/',
    'http://[64:ff9b::7f00:1]/',
  ])('%s is an address in disguise, and refused as what it is', (url) => {
    expect(verdict(url)).toBe('address')
  })
})

describe('the list of origins', () => {
  const admits = (match: string, url: string) =>
    verdict(url, { origins: [match] }).startsWith('admitted')

  it.each([
    ['https://img.example.com', 'https://img.example.com/a.png', true],
    ['https://img.example.com', 'https://IMG.EXAMPLE.COM/a.png', true],
    ['https://img.example.com', 'https://img.example.com:443/', true],
    ['https://img.example.com', 'http://img.example.com/a.png', false],
    ['https://img.example.com', 'https://img.example.com.evil.test/', false],
    ['https://img.example.com', 'https://evilimg.example.com/', false],
    ['https://img.example.com', 'https://example.com/', false],
    ['https://bücher.example', 'https://xn--bcher-kva.example/', true],
    ['https://*.example.com', 'https://a.example.com/', true],
    ['https://*.example.com', 'https://a.b.example.com/', false],
    ['https://*.example.com', 'https://example.com/', false],
    ['https://*.example.com', 'https://.example.com/', false],
    ['https://*.example.com', 'https://aexample.com/', false],
    ['https://**.example.com', 'https://a.example.com/', true],
    ['https://**.example.com', 'https://a.b.example.com/', true],
    ['https://**.example.com', 'https://a..example.com/', false],
    ['https://**.example.com', 'https://example.com/', false],
    ['https://**.example.com', 'https://example.com.evil.test/', false],
    ['https://a.example/public', 'https://a.example/public', true],
    ['https://a.example/public', 'https://a.example/public/', true],
    ['https://a.example/public', 'https://a.example/public/x/y.png', true],
    ['https://a.example/public', 'https://a.example/publicity.png', false],
    ['https://a.example/public/', 'https://a.example/public/x.png', true],
    ['https://a.example/public/', 'https://a.example/public', false],
    ['https://a.example/public/', 'https://a.example/public/../private/x', false],
    ['https://a.example/public/', 'https://a.example/public/%2e%2e/private/x', false],
    ['https://a.example/public/', 'https://a.example/public/..%2fprivate/x', false],
    ['https://a.example/public/', 'https://a.example/public/..%5Cprivate/x', false],
    ['https://a.example/public/', 'https://a.example/Public/x', false],
    ['https://a.example', 'https://a.example/x%2fy', true],
  ])('%s and %s: %s', (match, url, expected) => {
    expect(admits(match, url)).toBe(expected)
    if (!expected) expect(verdict(url, { origins: [match] })).toBe('origin')
  })

  it('admits nothing when it is empty', () => {
    expect(verdict('https://a.example/', { origins: [] })).toBe('origin')
  })

  it('gives the first entry that fits', () => {
    const origins = ['https://a.example/b', 'https://a.example', '*']
    expect(verdict('https://a.example/b/c', { origins })).toBe('admitted by https://a.example/b')
    expect(verdict('https://a.example/c', { origins })).toBe('admitted by https://a.example')
    expect(verdict('https://c.example/', { origins })).toBe('admitted by *')
  })
})

it('what is refused is told with the host at most', () => {
  const refuse = (url: string) => {
    try {
      admitUrl(parseUrl(url), readGuardSettings({ origins: ['https://only.example'] }))
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  for (const url of [
    `https://a.example/${canary}?token=${canary}`,
    `https://user:${canary}@a.example/`,
  ])
    expect(refuse(url)).not.toContain(canary)
  expect(refuse('https://a.example/x')).toContain('a.example')
})
