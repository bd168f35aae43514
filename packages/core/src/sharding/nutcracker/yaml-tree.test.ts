import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../../errors.ts'
import { type YamlNode, yamlTree } from './yaml-tree.ts'

type Plain = string | Plain[] | [string, Plain][] | undefined
/** Scalars as texts, lists as lists, maps as lists of pairs. */
const plain = (node: YamlNode | undefined): unknown => {
  if (node === undefined) return undefined
  if (node.kind === 'scalar') return node.text
  if (node.kind === 'sequence') return node.items.map(plain)
  return node.entries.map(({ key, value }) => [plain(key), plain(value)])
}
const read = (text: string) => plain(yamlTree(text)) as Plain
const value = (text: string) => (read(`key: ${text}`) as [string, Plain][])[0]![1]

describe('blocks', () => {
  it('are opened and closed by indentation', () => {
    expect(read('a:\n  b: 1\n  c:\n    - x\n    - y\nd: 2\n')).toEqual([
      [
        'a',
        [
          ['b', '1'],
          ['c', ['x', 'y']],
        ],
      ],
      ['d', '2'],
    ])
  })

  it('of lists may stand at the column of their key', () => {
    expect(read('a:\n- x\n- y\nb: 1')).toEqual([
      ['a', ['x', 'y']],
      ['b', '1'],
    ])
  })

  it('may have keys and values marked by ? and :', () => {
    expect(read('? a\n: b\n? c\nd: e')).toEqual([
      ['a', 'b'],
      ['c', ''],
      ['d', 'e'],
    ])
  })

  it('may be empty in places', () => {
    expect(read('a:\nb:\n- \n- x\n')).toEqual([
      ['a', ''],
      ['b', ['', 'x']],
    ])
  })

  it('may be missing altogether', () => {
    expect(read('')).toBeUndefined()
    expect(read('# only this\n\n')).toBeUndefined()
    expect(read('\ufeff# only this')).toBeUndefined()
  })
})

describe('plain text', () => {
  it('ends before a comment and keeps what only looks like one', () => {
    expect(value('a b # c')).toBe('a b')
    expect(value('a#b')).toBe('a#b')
    expect(value('a:b')).toBe('a:b')
    expect(value('::1:31001:1 x')).toBe('::1:31001:1 x')
    expect(value('-x')).toBe('-x')
  })

  it('goes on in deeper lines, a break becoming a space and an empty line a break', () => {
    expect(value('a\n  b\n\n  c')).toBe('a b\nc')
    expect(value('a\r\n  b')).toBe('a b')
  })

  it('breaks lines at the separators of YAML 1.1', () => {
    expect(value('a\u0085  b')).toBe('a b')
    expect(value('a\u2028  b')).toBe('a\u2028b')
  })
})

describe('quoted text', () => {
  it('knows one escape in single quotes', () => {
    expect(value("'it''s \\n'")).toBe("it's \\n")
  })

  it('knows many in double quotes', () => {
    expect(value('"\\x41\\u00e9\\U0001F600\\t\\"\\\\\\/\\0\\_"')).toBe('Aé😀\t"\\/\0\u00a0')
  })

  it('folds lines, and joins them where the break is escaped', () => {
    expect(value('"a\n  b\n\n  c"')).toBe('a b\nc')
    expect(value('"a \\\n  b"')).toBe('a b')
    expect(value('"a\\\n  b"')).toBe('ab')
  })

  it('may be a key', () => {
    expect(read('"a b": \'c\'')).toEqual([['a b', 'c']])
  })
})

describe('block text', () => {
  it('is kept literally after | and folded after >', () => {
    expect(value('|\n  a\n  b\n')).toBe('a\nb\n')
    expect(value('>\n  a\n  b\n\n  c\n')).toBe('a b\nc\n')
    expect(value('>\n  a\n   b\n  c\n')).toBe('a\n b\nc\n')
  })

  it('ends as its header says', () => {
    expect(value('|-\n  a\n\n')).toBe('a')
    expect(value('|\n  a\n\n')).toBe('a\n')
    expect(value('|+\n  a\n\n')).toBe('a\n\n')
  })

  it('may say how deep it is indented', () => {
    expect(value('|1-\n  a')).toBe(' a')
    expect(value('|-1 # note\n  a')).toBe(' a')
  })
})

describe('what is refused, with line and column', () => {
  it.each([
    ['a: [b]', 1, 4, /brackets/],
    ['a: {b: c}', 1, 4, /braces/],
    ['a: &b c', 1, 4, /anchors/],
    ['a: *b', 1, 4, /aliases/],
    ['a: !b c', 1, 4, /tags/],
    ['a: @b', 1, 4, /cannot begin with @/],
    ['a: `b', 1, 4, /backquote/],
    ['a: ,b', 1, 4, /comma/],
    ['%YAML 1.1\na: b', 1, 1, /directives/],
    ['---\na: b', 1, 1, /document markers/],
    ['a: b\n...\n', 2, 1, /document markers/],
    ['a: "b\n--- c"', 2, 1, /within the quotes/],
    ['a:\n\tb: c', 2, 1, /tab/],
    ['a: b\n\tc', 2, 1, /tab/],
    ['a: |\n\tb', 2, 1, /tab/],
    ['a: b: c', 1, 5, /second ": "/],
    ['a: - b', 1, 4, /beginning of a line/],
    ['a: b\nc\nd: e', 2, 1, /followed by ': '/],
    ['a: "b', 1, 4, /never closed/],
    ['a: "\\q"', 1, 5, /no escape/],
    ['a: "\\x4"', 1, 5, /hexadecimal/],
    ['a: "\\ud800"', 1, 5, /hexadecimal/],
    ['a: |0\n b', 1, 4, /0 columns/],
    ['a: | b', 1, 6, /line of its own/],
    ['a: b\n  c: d', 2, 4, /second ": "/],
    ['a:\n  b: c\n d: e', 3, 2, /check the indentation/],
    ['- a\nb: c', 2, 1, /check the indentation/],
    [': a', 1, 1, /'key: value'/],
    ['a: \u0007', 1, 4, /U\+0007/],
    ['a:\n b:\n  c:\n   d: e', 4, 4, /too deeply/],
    [`${'- '.repeat(20_000)}a`, 1, 7, /too deeply/],
  ])('%j', (text, line, column, problem) => {
    let message = ''
    try {
      yamlTree(text)
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidOptionError)
      message = (error as Error).message
    }
    expect(message).toMatch(problem)
    expect(message).toContain(`line ${line}, column ${column}: `)
  })
})

it('answers any text with a tree or a refusal, never with another error', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '\n',
      ' ',
      '  ',
      ':',
      ': ',
      '- ',
      '?',
      '|',
      '>',
      '"',
      "'",
      '#',
      '\t',
      '\\',
      'a',
      'é',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      try {
        yamlTree(pieces.join(''))
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidOptionError)
      }
    }),
    { numRuns: 2000 },
  )
})

it('reads back any text that is written in double quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const quoted = text.replace(/[^a-zA-Z0-9]/gu, (character) => {
        return `\\U${character.codePointAt(0)!.toString(16).padStart(8, '0')}`
      })
      expect(value(`"${quoted}"`)).toBe(text)
    }),
  )
})
