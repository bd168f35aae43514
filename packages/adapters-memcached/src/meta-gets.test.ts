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
  const [, first] = /O(\d+)\r\n/.exec(Buffer.from(gets.encode()).toString())!
  let isDone = false
  const parser = new MetaParser((reply) => {
    isDone = gets.take(reply)
  }, 1_000)
  return {
    gets,
    settled,
    /** `n` stands for the number of the key. */
    say: (key: number, words: string) => {
      parser.push(Buffer.from(words.replace('n', `${Number(first) + key}`)))
      return isDone
    },
  }
}

const late = new StoreError('late', { kind: 'timeout', store: 'memcached', operation: 'get' })

describe('gets that are asked together', () => {
  test('are answered each as its reply comes, and the last one ends them', () => {
    const { settled, say } = asked(['a', 'b', 'c'])
    expect(say(0, 'VA 1 On\r\nA\r\n')).toBe(false)
    expect(settled).toEqual(['A'])
    expect(say(1, 'EN On\r\n')).toBe(false)
    expect(settled).toEqual(['A', 'miss'])
    expect(say(2, 'VA 1 On\r\nC\r\n')).toBe(true)
    expect(settled).toEqual(['A', 'miss', 'C'])
  })

  test('keep what has come when the deadline is over, and take what is late without a word', () => {
    const { gets, settled, say } = asked(['a', 'b', 'c'])
    say(0, 'VA 1 On\r\nA\r\n')
    gets.isOver = true
    gets.fail(late)
    expect(settled).toEqual(['A', 'timeout', 'timeout'])
    expect(say(1, 'VA 1 On\r\nB\r\n')).toBe(false)
    expect(say(2, 'EN On\r\n')).toBe(true)
    expect(settled).toEqual(['A', 'timeout', 'timeout'])
  })

  test('a refusal of one is no refusal of the others', () => {
    const { settled, say } = asked(['a', 'b', 'c'])
    say(0, 'EN On\r\n')
    say(1, 'SERVER_ERROR out of memory writing get response\r\n')
    expect(say(2, 'VA 1 On\r\nC\r\n')).toBe(true)
    expect(settled).toEqual(['miss', 'full', 'C'])
  })

  test.each(['VA 1 O0\r\nx\r\n', 'HD On\r\n', 'NONSENSE\r\n'])(
    'a reply that is none to its key leaves that key to fail with the connection: %j',
    (words) => {
      const { gets, settled, say } = asked(['a', 'b'])
      say(0, 'VA 1 On\r\nA\r\n')
      expect(() => say(1, words)).toThrow(ProtocolFault)
      gets.fail(late)
      expect(settled).toEqual(['A', 'timeout'])
    },
  )
})
