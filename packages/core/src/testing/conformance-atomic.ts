import assert from 'node:assert/strict'
import { headed, headOf, sameBytes, text } from './conformance-case.ts'
import type { StoreCase } from './store-case.ts'

const minute = { ttlMs: 60_000 }
const fifty = Array.from({ length: 50 }, (_, index) => index)

export const atomicCases: readonly StoreCase[] = [
  {
    name: 'add stores where there was nothing and answers undefined',
    needs: ['add'],
    async check({ store, key }) {
      sameBytes(await store.add!(key('a'), text('mine'), minute), undefined, 'add')
      sameBytes(await store.get(key('a')), text('mine'), 'get')
    },
  },
  {
    name: 'add changes nothing where there is something and answers with it, an empty value included',
    needs: ['add'],
    async check({ store, key }) {
      await store.set(key('a'), text('there'), minute)
      await store.set(key('empty'), new Uint8Array(0), minute)
      sameBytes(await store.add!(key('a'), text('mine'), minute), text('there'), 'add')
      sameBytes(await store.get(key('a')), text('there'), 'get')
      const found = await store.add!(key('empty'), text('mine'), minute)
      sameBytes(found, new Uint8Array(0), 'add over an empty value')
      sameBytes(await store.get(key('empty')), new Uint8Array(0), 'get of the empty value')
    },
  },
  {
    name: 'add stores again after a delete',
    needs: ['add'],
    async check({ store, key }) {
      await store.add!(key('a'), text('1'), minute)
      await store.delete(key('a'))
      sameBytes(await store.add!(key('a'), text('2'), minute), undefined, 'add')
      sameBytes(await store.get(key('a')), text('2'), 'get')
    },
  },
  {
    name: 'add hands out bytes that are the own ones of each caller',
    needs: ['add'],
    async check({ store, key }) {
      await store.set(key('a'), text('there'), minute)
      const found = await store.add!(key('a'), text('mine'), minute)
      found?.fill(0)
      sameBytes(await store.get(key('a')), text('there'), 'get')
    },
  },
  {
    name: 'of 50 adds at once one wins, and the other 49 are told its bytes',
    needs: ['add'],
    async check({ store, key }) {
      for (let round = 0; round < 5; round++) {
        const name = key(`round ${round}`)
        const answers = await Promise.all(
          fifty.map((index) => store.add!(name, text(`caller ${index}`), minute)),
        )
        const winners = fifty.filter((index) => answers[index] === undefined)
        assert.equal(winners.length, 1, `winners in round ${round}`)
        const won = text(`caller ${winners[0]}`)
        for (const index of fifty) {
          if (index !== winners[0]) sameBytes(answers[index], won, `what caller ${index} was told`)
        }
        sameBytes(await store.get(name), won, 'get')
      }
    },
  },
  {
    name: 'replace stores only where the stored bytes begin with the head',
    needs: ['replace'],
    async check({ store, key }) {
      await store.set(key('a'), headed(1, 'old'), minute)
      assert.equal(await store.replace!(key('a'), headOf(9), headed(2, 'no'), minute), false)
      sameBytes(await store.get(key('a')), headed(1, 'old'), 'get after a refusal')
      assert.equal(await store.replace!(key('a'), headOf(1), headed(2, 'new'), minute), true)
      sameBytes(await store.get(key('a')), headed(2, 'new'), 'get')
    },
  },
  {
    name: 'replace compares bytes, not text: a head with NUL, line ends, pattern characters and bytes that are no UTF-8',
    needs: ['replace'],
    async check({ store, key }) {
      const head = Uint8Array.of(0, 13, 10, 255, 254, 37, 46, 42, 91, 93, 94, 36, 92, 0x80, 0, 1, 2)
      const other = Uint8Array.from(head)
      other[16] = 3
      const old = Buffer.concat([head, text('old')])
      await store.set(key('a'), old, minute)
      assert.equal(await store.replace!(key('a'), other, headed(2, 'no'), minute), false)
      sameBytes(await store.get(key('a')), old, 'get after a refusal')
      assert.equal(await store.replace!(key('a'), head, headed(2, 'new'), minute), true)
    },
  },
  {
    name: 'replace refuses a stored value that is shorter than the head',
    needs: ['replace'],
    async check({ store, key }) {
      await store.set(key('short'), headOf(1).subarray(0, 16), minute)
      await store.set(key('empty'), new Uint8Array(0), minute)
      for (const name of ['short', 'empty']) {
        const replaced = await store.replace!(key(name), headOf(1), headed(2, 'new'), minute)
        assert.equal(replaced, false, name)
      }
    },
  },
  {
    name: 'replace takes heads of other lengths than 17 too, up to the whole value',
    needs: ['replace'],
    unless: (capabilities) =>
      capabilities.encrypted === true
        ? 'only 17 bytes of an encrypted value are in clear'
        : undefined,
    async check({ store, key }) {
      const heads: [string, Uint8Array][] = [
        ['one byte', text('o')],
        ['the whole value', text('old value')],
      ]
      for (const [name, head] of heads) {
        await store.set(key(name), text('old value'), minute)
        assert.equal(await store.replace!(key(name), head, text('new'), minute), true, name)
        sameBytes(await store.get(key(name)), text('new'), name)
      }
      await store.set(key('longer'), text('old value'), minute)
      const replaced = await store.replace!(key('longer'), text('old values'), text('new'), minute)
      assert.equal(replaced, false, 'a head that goes on beyond the value')
    },
  },
  {
    name: 'replace stores nothing where there is nothing, and nothing after a delete',
    needs: ['replace'],
    async check({ store, key }) {
      assert.equal(await store.replace!(key('never'), headOf(1), headed(2, 'new'), minute), false)
      sameBytes(await store.get(key('never')), undefined, 'never stored')
      await store.set(key('a'), headed(1, 'old'), minute)
      await store.delete(key('a'))
      assert.equal(await store.replace!(key('a'), headOf(1), headed(2, 'new'), minute), false)
      sameBytes(await store.get(key('a')), undefined, 'deleted')
    },
  },
  {
    name: 'of 50 replaces of the same head at once one wins, and its bytes are what is stored',
    needs: ['replace'],
    async check({ store, key }) {
      for (let round = 0; round < 5; round++) {
        const name = key(`round ${round}`)
        await store.set(name, headed(1, 'old'), minute)
        const answers = await Promise.all(
          fifty.map((index) =>
            store.replace!(name, headOf(1), headed(100 + index, `caller ${index}`), minute),
          ),
        )
        const winners = fifty.filter((index) => answers[index])
        assert.equal(winners.length, 1, `winners in round ${round}`)
        const winner = winners[0]!
        sameBytes(await store.get(name), headed(100 + winner, `caller ${winner}`), 'get')
      }
    },
  },
  {
    name: 'a claim added and then fulfilled by replace is lost to a delete in between, every time',
    needs: ['add', 'replace'],
    async check({ store, key }) {
      await Promise.all(
        fifty.map(async (index) => {
          const name = key(`${index}`)
          const claim = headed(index, 'placeholder')
          sameBytes(await store.add!(name, claim, minute), undefined, 'add')
          const [, fulfilled] = await Promise.all([
            store.delete(name),
            store.replace!(name, headOf(index), headed(200, 'value'), minute),
          ])
          // Whichever came first, nothing old may be left once both are done.
          const left = await store.get(name)
          sameBytes(left, undefined, `what is left where replace said ${fulfilled}`)
        }),
      )
    },
  },
]
