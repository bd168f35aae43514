import { readFileSync } from 'node:fs'

const fixture = new URL('../test/fixtures/sharding/twemproxy/conf.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: { yml: string }[] }

const texts = [
  ...cases.map(({ yml }) => yml),
  'a:\n  listen: 127.0.0.1:22121\n  hash: |-\n    md5\n  servers:\n  - "h:1:1"\n',
  "a:\n  ? listen\n  : 127.0.0.1:22121\n  hash: >-\n   md5\n\n  servers:\n    - 'h:1:1 ''x'''\n",
  'a:\n  listen: 127.0.0.1:22121\n  redis_auth: foo\n   bar\n\n   qux # c\n  redis: true\n  servers:\n  - h:1:1\n',
]

const pieces = [
  ...[
    '\n',
    ' ',
    '  ',
    ':',
    ': ',
    '-',
    '- ',
    '#',
    ' #',
    '\t',
    '"',
    "'",
    '|',
    '>',
    '|-\n   ',
    '>+\n    ',
  ],
  ...[
    '\\',
    '\\n',
    '\\x41',
    '\\u00e9',
    '?',
    '? ',
    '!',
    '&',
    '*',
    '%',
    '@',
    '`',
    '[',
    ']',
    '{',
    '}',
    ',',
  ],
  ...[
    'é',
    '\u2028',
    '\u0085',
    '\u00a0',
    '\ufeff',
    '\r',
    '\r\n',
    '\n\n',
    '\n ',
    '\n  ',
    '\n   ',
    '\0',
    '\x07',
  ],
  ...[
    '0',
    '1',
    '99999999999',
    '4294967297',
    '2147483648',
    'true',
    'servers',
    'listen',
    ':1',
    ':1:1',
  ],
  ...[
    '/tmp/x:1',
    '---',
    '...',
    '--- ',
    '~',
    'null',
    '1 2',
    '"a\n b"',
    '"a\\\n b"',
    "'a\n\n b'",
    '😀',
  ],
  ...[
    'redis_auth: x',
    'hash: md5\n',
    'timeout: 1\n',
    '\n  server_connections: 3',
    ' 0777',
    ' 999',
    '::1',
  ],
]

/**
 * A nutcracker.yml with one or two small accidents. Those that change the host to listen on are drawn again: nutcracker
 * looks it up.
 */
export function mutant(random: () => number): string {
  while (true) {
    let text = pick(texts, random)
    for (let left = 1 + Math.floor(random() * 2); left > 0; left--) text = mutate(text, random)
    const hosts = [...text.matchAll(/listen\W*?:\s+(\S*)/g)].map(([, address]) => address!)
    if (hosts.every((address) => /^["']?(127\.0\.0\.1|[^a-zA-Z]*$)/.test(address))) return text
  }
}

const pick = <T>(items: readonly T[], random: () => number): T =>
  items[Math.floor(random() * items.length)]!

function mutate(text: string, random: () => number): string {
  const at = Math.floor(random() * (text.length + 1))
  const kind = random()
  if (kind < 0.5) return text.slice(0, at) + pick(pieces, random) + text.slice(at)
  if (kind < 0.65) return text.slice(0, at) + text.slice(at + 1 + Math.floor(random() * 3))
  const lines = text.split('\n')
  const line = Math.floor(random() * lines.length)
  if (kind < 0.8)
    lines[line] = pick(['', ' ', '  ', '   ', '\t'], random) + lines[line]!.trimStart()
  else if (kind < 0.9) lines.splice(line, 0, pick(lines, random))
  else lines.splice(line, 1)
  return lines.join('\n')
}
