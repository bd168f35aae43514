import { describe, expect, it } from 'vitest'
import { createRing } from '../ring.ts'
import { run } from './run.ts'

const pool = (name: string, port: number, ...lines: string[]) =>
  [
    `${name}:`,
    `  listen: 127.0.0.1:${port}`,
    '  timeout: 400',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n')
const servers = ['servers:', '- 10.0.0.1:11211:1', '- 10.0.0.2:11211:1 b', '- /tmp/m:1 c']

const files: Record<string, string> = {
  'nutcracker.yml': pool('alpha', 1, 'hash: murmur', ...servers),
  'more.yml': pool('alpha', 1, 'hash: murmur', ...servers, '- 10.0.0.4:11211:1'),
  'two.yml': pool('alpha', 1, ...servers) + pool('beta', 2, 'distribution: random', ...servers),
  'tagged.yml': pool('alpha', 1, 'hash: murmur', 'hash_tag: "é"', ...servers),
  'bad.yml': 'alpha:\n  hsah: md5\n',
  'ring.json': JSON.stringify({ servers: [{ name: 'x' }, { name: 'y' }] }),
  'broken.json': '{',
  'wrong.json': JSON.stringify({ servers: [] }),
  'null.json': 'null',
  'keys.txt': 'a\nb\r\n\nc\n',
  'no-keys.txt': '\n',
}

async function cli(...args: string[]) {
  let output = ''
  let errors = ''
  const code = await run(args, {
    write: (text) => {
      output += text
    },
    writeError: (text) => {
      errors += text
    },
    async readFile(path) {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
  return { code, output, errors }
}

describe('explain', () => {
  it('tells hash, point, server, and where the key goes if that is out', async () => {
    const { code, output, errors } = await cli('explain', 'user:42')
    expect(code).toBe(0)
    expect(errors).toBe('')
    expect(output).toMatch(/^key {11}user:42$/m)
    expect(output).toMatch(/^pool {10}alpha \(ketama, murmur, 3 servers\)$/m)
    expect(output).toMatch(/^hashed {8}the whole key$/m)
    expect(output).toMatch(/^hash {10}0x[0-9a-f]{8}$/m)
    expect(output).toMatch(/^point {9}0x[0-9a-f]{8}$/m)
    expect(output).toMatch(/^if it is out {2}\S+$/m)
  })

  it('says the same to programs', async () => {
    const { output } = await cli('explain', 'user:42', 'nutcracker.yml', '--json')
    const told = JSON.parse(output)
    expect(told).toMatchObject({ pool: 'alpha', key: 'user:42', hashed: 'user:42' })
    expect(['10.0.0.1', 'b', 'c']).toContain(told.server)
    expect(told.next).not.toBe(told.server)
  })

  it('reads the options of a ring of our own from JSON', async () => {
    const ring = createRing({ servers: [{ name: 'x' }, { name: 'y' }] })
    const { output } = await cli('explain', 'k', 'ring.json')
    expect(output).toMatch(/^pool {10}ring \(slots, 2 servers\)$/m)
    expect(output).toMatch(/^point {9}slot \d+$/m)
    expect(output).toMatch(new RegExp(`^server {8}${ring.locate('k')}$`, 'm'))
  })

  it('shows bytes that are no text as bytes, and control characters as escapes', async () => {
    const key = 'Ãx©'
    expect((await cli('explain', key, 'tagged.yml')).output).toMatch(/^hashed {8}bytes 8378c2$/m)
    expect(JSON.parse((await cli('explain', key, 'tagged.yml', '--json')).output).hashed).toEqual({
      hex: '8378c2',
    })
    expect((await cli('explain', 'a\u001b[31m')).output).toMatch(/^key {11}a\\u\{1b\}\[31m$/m)
  })

  it('has no point for a pool of chance', async () => {
    const { output } = await cli('explain', 'k', 'two.yml', '--pool', 'beta')
    expect(output).toMatch(/^server {8}by chance; this time /m)
  })
})

describe('diff', () => {
  it('tells the share of keys that move, per server', async () => {
    const { code, output, errors } = await cli('diff', 'nutcracker.yml', 'more.yml')
    expect(code).toBe(0)
    expect(errors).toBe('counted with 100000 sample keys\n')
    expect(output).toMatch(/^alpha: 2\d\.\d % of the keys move$/m)
    expect(output).toMatch(/^ {2}server +before +after +gains +loses$/m)
    expect(output).toMatch(/^ {2}10\.0\.0\.4 +0\.0 % +2\d\.\d % +2\d\.\d % +0\.0 %$/m)
  })

  it('finds nothing between a file and itself', async () => {
    expect((await cli('diff', 'more.yml', 'more.yml')).output).toMatch(
      /^alpha: 0\.0 % of the keys move$/m,
    )
  })

  it('counts with given keys', async () => {
    const { output, errors } = await cli(
      'diff',
      'nutcracker.yml',
      'more.yml',
      '--keys',
      'keys.txt',
      '--json',
    )
    expect(errors).toBe('counted with 3 keys of keys.txt\n')
    const { moved } = JSON.parse(output).alpha
    expect((moved * 3) % 1).toBeCloseTo(0, 10)
  })

  it('names pools that only one file has, pools of chance, and warnings', async () => {
    const { output, errors } = await cli('diff', 'two.yml', 'nutcracker.yml')
    expect(output).toMatch(/^beta: only in two\.yml$/m)
    expect(errors).toMatch(/^two\.yml: warning: pool 'alpha', line 1: 'fnv1a_64', the default/m)
    expect((await cli('diff', 'two.yml', 'two.yml', '-p', 'beta')).output).toMatch(
      /nothing to compare/,
    )
  })
})

describe('spread', () => {
  it('draws a bar for each server', async () => {
    const { code, output } = await cli('spread')
    expect(code).toBe(0)
    expect(output).toMatch(/^alpha: 3 servers \(ketama\), 100000 sample keys$/m)
    expect(output.match(/█/g)?.length).toBeGreaterThan(80)
    expect(output).toMatch(/^fullest server: 1\.\d\d times what its weight says$/m)
    expect(output).toMatch(/^with user:1 to user:1000: 1\.\d\d times$/m)
  })

  it('draws an SVG, with names that cannot break out of it', async () => {
    files['evil.json'] = JSON.stringify({
      servers: [{ name: '</svg><script>"&' }, { name: 'b\u0007' }],
    })
    const { output } = await cli('spread', 'evil.json', '--svg', '--keys', 'keys.txt')
    expect(output).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    expect(output.trimEnd()).toMatch(/<\/svg>$/)
    expect(output).not.toContain('<script>')
    expect(output).toContain('&lt;/svg&gt;&lt;script&gt;&quot;&amp;')
    expect(output).toContain('b\ufffd')
    expect(output).toContain('<title id="title">How keys spread over pool ring</title>')
  })

  it('tells programs the share of each server, and what its weight would make it', async () => {
    const { output } = await cli('spread', 'ring.json', '--json')
    const { servers: shares, fullest } = JSON.parse(output)
    expect(shares).toHaveLength(2)
    expect(shares[0].due).toBe(0.5)
    expect(fullest).toBeLessThan(1.02)
  })
})

describe('a wrong command line', () => {
  it.each([
    [[], 2, /^holdfast-ring: which server/],
    [['expain', 'k'], 2, /no command 'expain'; there are explain, diff, spread, verify/],
    [['toString'], 2, /no command 'toString'/],
    [['explain'], 2, /expected: holdfast-ring explain <key> \[file\]/],
    [['diff', 'a.yml'], 2, /expected: holdfast-ring diff <before> <after>/],
    [['explain', 'k', '--svg'], 2, /'explain' has no option --svg/],
    [['spread', '--sgv'], 2, /--sgv.*--help/s],
    [['spread', 'none.yml'], 2, /cannot read none\.yml \(ENOENT\)/],
    [
      ['spread', 'bad.yml'],
      2,
      /bad\.yml: nutcracker\.yml, line 2, column 3: 'hsah' is unknown; did you mean 'hash'/,
    ],
    [['spread', 'broken.json'], 2, /broken\.json: /],
    [['spread', 'wrong.json'], 2, /servers must hold at least one server/],
    [['spread', 'two.yml'], 2, /several pools; choose one with --pool: beta, alpha/],
    [['spread', 'two.yml', '--pool', 'gamma'], 2, /no pool 'gamma'; it has beta, alpha/],
    [['spread', 'two.yml', '--pool', 'beta'], 2, /'random'/],
    [['spread', '-k', 'none.txt'], 2, /cannot read the keys in none\.txt/],
    [['spread', '-k', 'no-keys.txt'], 2, /holds no keys/],
    [['diff', 'two.yml', 'two.yml', '--pool', 'gamma'], 2, /neither file has a pool 'gamma'/],
    [['verify'], 2, /10\.0\.0\.1:11211 is not on this machine.*--host 10\.0\.0\.1/],
    [['verify', 'ring.json'], 2, /needs a nutcracker\.yml/],
    [['verify', 'null.json'], 2, /needs a nutcracker\.yml/],
    [['spread', 'null.json'], 2, /createRing needs an object/],
    [['verify', 'two.yml', '-p', 'beta'], 2, /nothing to verify/],
    [['verify', '--count', '0'], 2, /--count must be a whole number from 1 to 100000/],
    [['verify', '--proxy', 'localhost'], 2, /--proxy must be host:port/],
    [['verify', '--stats', 'localhost:70000'], 2, /--stats must be host:port/],
  ])('%j ends with %d', async (args, expected, message) => {
    const { code, output, errors } = await cli(...args)
    expect(code).toBe(expected)
    expect(output).toBe('')
    expect(errors).toMatch(message)
  })
})

it('helps', async () => {
  for (const flag of ['--help', '-h']) {
    const { code, output } = await cli(flag)
    expect(code).toBe(0)
    expect(output).toMatch(/^holdfast-ring: which server/)
    expect(output).toMatch(/Exit code: 0 done, 1/)
  }
})
