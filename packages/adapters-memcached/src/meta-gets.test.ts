import { StoreError } from '@holdfast/core'
import { describe, expect, test } from 'vitest'
import { ProtocolFault } from './connection-errors.ts'
import type { Item } from './driver.ts'
import { MetaGets } from './meta-gets.ts'
import type { Refuse } from './meta-operations.ts'
import { MetaParser } from './meta-parser.ts'

const refuse: Refuse = (operation, { kind, reason }) =>
  new StoreError(reason, { kind, store: 'memcached', operation })

/** Gets of these keys, what became of each so far, and what a server says to them. */
function asked(keys: readonly string[]) {
  const settled: (string | undefined)[] = []
  const textOf = (item: Item | undefined) =>
    item === undefined ? 'miss' : Buffer.from(item.bytes).toString()
  const gets = new MetaGets('get', keys, refuse, {
    found: (index, item) => {
      expect(settled[index]).toBeUndefined()
      settled[index] = textOf(item)
    },
    fail: (from, until, error) => {
      for (let index = from; index < until; index++) {
        expect(settled[index]).toBeUndefined()
        settled[index] = error instanceof StoreError ? error.kind : `${error}`
      }
    },
  })
  const request = Buffer.from(gets.encode()).toString()
  const [, first] = /^mg \S+ v f c O(\d+)\r\n/.exec(request)!
  let isDone = false
  const parser = new MetaParser((reply) => {
    isDone = gets.take(reply)
  }, 1_000)
  return {
    gets,
    settled,
    request: request.replace(`O${first}`, 'On'),
    /** `On` stands for the number of the first key. */
    say: (words: string) => {
      parser.push(Buffer.from(words.replace('On', `O${first}`)))
      return isDone
    },
  }
}

const late = new StoreError('late', { kind: 'timeout', store: 'memcached', operation: 'get' })

describe('gets that are asked together', () => {
  test('are one mg, whose reply has a number, and one gets, whose values have names', () => {
    expect(asked(['a']).request).toBe('mg a v f c On\r\n')
    expect(asked(['a', 'b', 'c']).request).toBe('mg a v f c On\r\ngets b c\r\n')
  })

  test('are answered each as its reply comes, and the last one ends them', () => {
    const { settled, say } = asked(['a', 'b', 'c', 'd', 'e'])
    expect(say('VA 1 On\r\nA\r\n')).toBe(false)
    expect(settled).toEqual(['A'])
    expect(say('VALUE b 0 1 7\r\nB\r\n')).toBe(false)
    expect(settled).toEqual(['A', 'B'])
    // What is not there is left out.
    expect(say('VALUE d 0 1 7\r\nD\r\n')).toBe(false)
    expect(settled).toEqual(['A', 'B', 'miss', 'D'])
    expect(say('END\r\n')).toBe(true)
    expect(settled).toEqual(['A', 'B', 'miss', 'D', 'miss'])
  })

  test('of keys that are not there it is known as soon as the value of a later one begins', () => {
    const { settled, say } = asked(['a', 'b', 'c', 'd'])
    say('EN On\r\n')
    expect(say('VALUE d 0 6 7\r\nlar')).toBe(false)
    expect(settled).toEqual(['miss', 'miss', 'miss'])
    expect(say('ge.\r\nEND\r\n')).toBe(true)
    expect(settled).toEqual(['miss', 'miss', 'miss', 'large.'])
  })

  test('of one key it is its only reply, hit or miss', () => {
    const there = asked(['a'])
    expect(there.say('VA 1 On\r\nA\r\n')).toBe(true)
    expect(there.settled).toEqual(['A'])
    const gone = asked(['a'])
    expect(gone.say('EN On\r\n')).toBe(true)
    expect(gone.settled).toEqual(['miss'])
  })

  test('of the same key twice, each gets its own', () => {
    const { settled, say } = asked(['a', 'b', 'b', 'a'])
    say('EN On\r\n')
    say('VALUE b 0 1 7\r\n1\r\n')
    say('VALUE b 0 1 7\r\n2\r\n')
    expect(say('END\r\n')).toBe(true)
    expect(settled).toEqual(['miss', '1', '2', 'miss'])
  })

  test('keep what has come when the deadline is over, and take what is late without a word', () => {
    const { gets, settled, say } = asked(['a', 'b', 'c', 'd'])
    say('VA 1 On\r\nA\r\n')
    say('VALUE b 0 1 7\r\nB\r\n')
    gets.isOver = true
    gets.fail(late)
    expect(settled).toEqual(['A', 'B', 'timeout', 'timeout'])
    expect(say('VALUE c 0 1 7\r\nC\r\n')).toBe(false)
    expect(say('END\r\n')).toBe(true)
    expect(settled).toEqual(['A', 'B', 'timeout', 'timeout'])
  })

  test('a refusal is one of all that have no answer yet, and of the first alone where it is the first', () => {
    const { settled, say } = asked(['a', 'b', 'c', 'd'])
    say('EN On\r\n')
    say('VALUE b 0 1 7\r\nB\r\n')
    expect(say('SERVER_ERROR out of memory writing get response\r\n')).toBe(true)
    expect(settled).toEqual(['miss', 'B', 'full', 'full'])
    const first = asked(['a', 'b'])
    expect(first.say('SERVER_ERROR out of memory writing get response\r\n')).toBe(false)
    first.say('VALUE b 0 1 7\r\nB\r\n')
    expect(first.say('END\r\n')).toBe(true)
    expect(first.settled).toEqual(['full', 'B'])
  })

  test.each(['VA 1 O0\r\nx\r\n', 'HD On\r\n', 'NONSENSE\r\n', 'VALUE a 0 1 7\r\nA\r\n', 'END\r\n'])(
    'a first reply that is none to its key leaves all to fail with the connection: %j',
    (words) => {
      const { gets, settled, say } = asked(['a', 'b'])
      expect(() => say(words)).toThrow(ProtocolFault)
      gets.fail(late)
      expect(settled).toEqual(['timeout', 'timeout'])
    },
  )

  test.each([
    'VALUE x 0 1 7\r\nX\r\n',
    'VALUE a 0 1 7\r\nA\r\n',
    'VALUE b 0 1 7\r\nB\r\n',
    'VA 1 On\r\nC\r\n',
    'HD On\r\n',
    'EN\r\n',
    'NONSENSE\r\n',
  ])('a later one that is of no key that waits leaves those to fail with it: %j', (words) => {
    const { gets, settled, say } = asked(['a', 'b', 'c'])
    say('VA 1 On\r\nA\r\n')
    say('VALUE b 0 1 7\r\nB\r\n')
    expect(() => say(words)).toThrow(ProtocolFault)
    gets.fail(late)
    expect(settled).toEqual(['A', 'B', 'timeout'])
  })
})
