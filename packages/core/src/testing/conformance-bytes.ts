import assert from 'node:assert/strict'
import { sameBytes, text } from './conformance-case.ts'
import type { StoreCase } from './store-case.ts'

/** Long enough for a busy machine; what these cases look at does not end by itself. */
const minute = { ttlMs: 60_000 }

/** Names that break protocols, patterns, objects and path rules where somebody forgot to quote. */
const awkwardNames = [
  ' ',
  'a',
  'a ',
  'a b',
  'a\r\nset x 0 0 1\r\n1',
  'a\nb',
  'tab\there',
  'nul',
  'nul\0here',
  '\u0001\u001f\u007f',
  '*',
  'a*',
  'a?c',
  '[a-z]',
  '\\',
  '\\*',
  '{slot}',
  'a{slot}b',
  '{}',
  '..',
  '../up',
  '/',
  'a/b',
  'CON',
  '__proto__',
  'constructor',
  'toString',
  'undefined',
  '%00',
  'ä',
  'ö',
  'A',
  'Ł',
  'a\u0308',
  '日本語',
  '👩‍👩‍👧',
  '\u{10ffff}',
  'UPPER',
  'upper',
]

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
const awkwardValues: [string, Uint8Array][] = [
  ['every byte there is', everyByte],
  ['a lone NUL', new Uint8Array(1)],
  ['bytes that are no UTF-8', Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80)],
  ['the end of a Memcached reply', text('x\r\nEND\r\nVALUE y 0 1\r\n')],
  ['the start of a Redis reply', text('$-1\r\n*2\r\n+OK\r\n_\r\n')],
  ['a number', text('42')],
  ['the word nil', text('nil')],
]

export const byteCases: readonly StoreCase[] = [
  {
    name: 'answers undefined for a key that was never stored',
    async check({ store, key }) {
      sameBytes(await store.get(key('absent')), undefined, 'get')
    },
  },
  {
    name: 'gives back the bytes that were stored',
    async check({ store, key }) {
      await store.set(key('a'), text('first'), minute)
      sameBytes(await store.get(key('a')), text('first'), 'get')
    },
  },
  {
    name: 'overwrites',
    async check({ store, key }) {
      await store.set(key('a'), text('a longer first value'), minute)
      await store.set(key('a'), text('second'), minute)
      sameBytes(await store.get(key('a')), text('second'), 'get')
    },
  },
  {
    name: 'keeps awkward keys apart: spaces, line ends, NUL, glob characters, braces, names of object members, accents',
    async check({ store, key }) {
      for (const [index, name] of awkwardNames.entries()) {
        sameBytes(await store.get(key(name)), undefined, `${JSON.stringify(name)} before its set`)
        await store.set(key(name), text(`value ${index}`), minute)
      }
      for (const [index, name] of awkwardNames.entries()) {
        sameBytes(await store.get(key(name)), text(`value ${index}`), JSON.stringify(name))
      }
      for (const name of awkwardNames) {
        await store.delete(key(name))
        sameBytes(await store.get(key(name)), undefined, `${JSON.stringify(name)} after its delete`)
      }
    },
  },
  {
    name: 'gives back awkward values bit by bit',
    async check({ store, key }) {
      for (const [what, bytes] of awkwardValues) await store.set(key(what), bytes, minute)
      for (const [what, bytes] of awkwardValues) sameBytes(await store.get(key(what)), bytes, what)
    },
  },
  {
    name: 'an empty value is a value and no miss',
    async check({ store, key }) {
      await store.set(key('empty'), new Uint8Array(0), minute)
      sameBytes(await store.get(key('empty')), new Uint8Array(0), 'get')
    },
  },
  {
    name: 'stores only the part of a buffer that it was given',
    async check({ store, key }) {
      const around = text('before|inside|after')
      await store.set(key('view'), around.subarray(7, 13), minute)
      sameBytes(await store.get(key('view')), text('inside'), 'get')
    },
  },
  {
    name: 'keeps what it stored when the caller later changes the bytes it handed in',
    async check({ store, key }) {
      const bytes = text('original')
      await store.set(key('a'), bytes, minute)
      bytes.fill(0)
      sameBytes(await store.get(key('a')), text('original'), 'get')
    },
  },
  {
    name: 'hands out bytes that are the own ones of each caller',
    async check({ store, key }) {
      await store.set(key('a'), text('original'), minute)
      const [first, second] = await Promise.all([store.get(key('a')), store.get(key('a'))])
      first?.fill(0)
      sameBytes(second, text('original'), 'the answer to another caller')
      sameBytes(await store.get(key('a')), text('original'), 'the next get')
    },
  },
  {
    name: 'deletes, also what is not there',
    async check({ store, key }) {
      await store.delete(key('never'))
      await store.set(key('a'), text('1'), minute)
      await store.delete(key('a'))
      sameBytes(await store.get(key('a')), undefined, 'get after delete')
      await store.delete(key('a'))
      await store.set(key('a'), text('2'), minute)
      sameBytes(await store.get(key('a')), text('2'), 'get after a new set')
    },
  },
  {
    name: 'answers 2,000 calls at once, each with the bytes of its own key',
    async check({ store, key }) {
      const names = Array.from({ length: 200 }, (_, index) => `k${index}`)
      await Promise.all(
        names.map((name) => store.set(key(name), text(name.repeat(name.length)), minute)),
      )
      const reads = Array.from({ length: 2_000 }, (_, index) => `k${(index * 7) % 250}`)
      await Promise.all(
        reads.map(async (name) => {
          const expected = names.includes(name) ? text(name.repeat(name.length)) : undefined
          sameBytes(await store.get(key(name)), expected, name)
        }),
      )
    },
  },
  {
    name: 'has a name and a declaration that makes sense',
    async check({ store, capabilities }) {
      assert.ok(typeof store.name === 'string' && store.name !== '', 'the name is empty')
      assert.deepEqual(
        { ...store.capabilities },
        { ...capabilities },
        'the capabilities the suite was given are not the ones of the store',
      )
      for (const member of ['ttlGranularityMs', 'maxKeyBytes', 'maxValueBytes'] as const) {
        assert.ok(capabilities[member] > 0, `${member} is ${capabilities[member]}`)
      }
      assert.ok(Number.isFinite(capabilities.ttlGranularityMs), 'ttlGranularityMs is not finite')
    },
  },
]
