import assert from 'node:assert/strict'
import { sameBytes, text } from './conformance-case.ts'
import type { StoreCase } from './store-case.ts'

const minute = { ttlMs: 60_000 }

async function collect(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const key of keys) all.push(key)
  return all
}

export const manyCases: readonly StoreCase[] = [
  {
    name: 'getMany answers in the order asked, with gaps, and answers a key asked twice twice',
    needs: ['getMany'],
    async check({ store, key }) {
      await store.set(key('a'), text('A'), minute)
      await store.set(key('b'), text('B'), minute)
      await store.set(key('empty'), new Uint8Array(0), minute)
      const asked = ['b', 'gap', 'a', 'b', 'empty', 'another gap', 'a']
      const answers = await store.getMany!(asked.map(key))
      assert.equal(answers.length, asked.length, 'as many answers as keys')
      const expected = ['B', undefined, 'A', 'B', '', undefined, 'A']
      for (const [index, words] of expected.entries()) {
        sameBytes(answers[index], words === undefined ? undefined : text(words), `answer ${index}`)
      }
    },
  },
  {
    name: 'getMany hands out bytes that are the own ones of each answer',
    needs: ['getMany'],
    async check({ store, key }) {
      await store.set(key('a'), text('original'), minute)
      const [first, second] = await store.getMany!([key('a'), key('a')])
      first?.fill(0)
      sameBytes(second, text('original'), 'the second answer')
      sameBytes(await store.get(key('a')), text('original'), 'the next get')
    },
  },
  {
    name: 'getMany, setMany and deleteMany of nothing do nothing',
    needs: ['getMany', 'setMany', 'deleteMany'],
    async check({ store }) {
      assert.deepEqual(await store.getMany!([]), [])
      await store.setMany!([])
      await store.deleteMany!([])
    },
  },
  {
    name: 'setMany stores every entry with its own time to live, and removes the ones whose time is over',
    needs: ['setMany'],
    async check({ store, key, pass, capabilities }) {
      const shortMs = Math.max(60, capabilities.ttlGranularityMs)
      await store.set(key('over'), text('old'), minute)
      await store.setMany!([
        { key: key('short'), bytes: text('1'), ttlMs: shortMs },
        { key: key('long'), bytes: text('2'), ttlMs: 60_000 },
        { key: key('infinite'), bytes: text('3'), ttlMs: Number.POSITIVE_INFINITY },
        { key: key('over'), bytes: text('4'), ttlMs: 0 },
      ])
      sameBytes(await store.get(key('over')), undefined, 'for 0 ms')
      await pass(shortMs + capabilities.ttlGranularityMs + 25)
      sameBytes(await store.get(key('short')), undefined, 'the short one, ended')
      sameBytes(await store.get(key('long')), text('2'), 'the long one')
      sameBytes(await store.get(key('infinite')), text('3'), 'the infinite one')
    },
  },
  {
    name: 'deleteMany removes every key, also one that is named twice or is not there, and no other',
    needs: ['deleteMany'],
    async check({ store, key }) {
      for (const name of ['a', 'b', 'c']) await store.set(key(name), text(name), minute)
      await store.deleteMany!([key('a'), key('gap'), key('b'), key('a')])
      sameBytes(await store.get(key('a')), undefined, 'a')
      sameBytes(await store.get(key('b')), undefined, 'b')
      sameBytes(await store.get(key('c')), text('c'), 'c')
    },
  },
  {
    name: 'takes 1,000 keys in one call',
    needs: ['getMany', 'setMany', 'deleteMany'],
    async check({ store, key }) {
      const names = Array.from({ length: 1_000 }, (_, index) => `k${index}`)
      const keys = names.map(key)
      await store.setMany!(
        names.map((name) => ({ key: key(name), bytes: text(name), ttlMs: 60_000 })),
      )
      const answers = await store.getMany!(keys)
      for (const [index, name] of names.entries()) sameBytes(answers[index], text(name), name)
      await store.deleteMany!(keys)
      assert.ok(
        (await store.getMany!(keys)).every((answer) => answer === undefined),
        'all are deleted',
      )
    },
  },
  {
    name: 'list names the keys with a prefix, once each and nothing else, whatever characters the prefix holds',
    needs: ['list'],
    async check({ store, key, prefix }) {
      const names = [
        'plain:1',
        'plain:2',
        'plainer',
        'star*:1',
        'star:1',
        'sta*:1',
        'q?:1',
        'qq:1',
        '[ab]:1',
        'a:1',
        '\\:1',
        'ä:1',
        'line\r\nend:1',
        '{slot}:1',
      ]
      for (const name of names) await store.set(key(name), text('1'), minute)
      for (const start of [
        '',
        'plain:',
        'star*',
        'sta*:',
        'q?',
        '[ab]',
        '\\',
        'ä',
        'line\r\n',
        '{',
        'none',
      ]) {
        const expected = names.filter((name) => name.startsWith(start)).sort()
        const listed = (await collect(store.list!(prefix + start))).map((name) =>
          name.slice(prefix.length),
        )
        assert.deepEqual(
          [...new Set(listed)].sort(),
          expected,
          `the keys with the prefix ${JSON.stringify(start)}`,
        )
        assert.equal(listed.length, expected.length, 'no key is listed twice')
      }
    },
  },
  {
    name: 'list leaves out what was deleted and can be left before its end',
    needs: ['list'],
    async check({ store, key, prefix }) {
      for (const name of ['a', 'b', 'c']) await store.set(key(name), text('1'), minute)
      await store.delete(key('b'))
      assert.deepEqual((await collect(store.list!(prefix))).sort(), [key('a'), key('c')])
      for await (const first of store.list!(prefix)) {
        assert.ok(first.startsWith(prefix))
        break
      }
    },
  },
]
