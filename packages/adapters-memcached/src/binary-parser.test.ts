import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BinaryItem } from './binary-item.ts'
import { headerBytes, type Packet } from './binary-packet.ts'
import { createBinaryParser } from './binary-parser.ts'
import { ProtocolFault } from './connection-errors.ts'

interface Reply {
  opcode: number
  status: number
  opaque: number
  cas: bigint
  extras: number[]
  key: string
  value: Uint8Array
}

function encode({ opcode, status, opaque, cas, extras, key, value }: Reply): Buffer {
  const head = Buffer.alloc(headerBytes)
  head[0] = 0x81
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head[4] = extras.length
  head.writeUInt16BE(status, 6)
  head.writeUInt32BE(extras.length + key.length + value.length, 8)
  head.writeUInt32BE(opaque, 12)
  head.writeBigUInt64BE(cas, 16)
  return Buffer.concat([head, Buffer.from(extras), Buffer.from(key), value])
}

const read = (packet: Packet): Reply => ({
  opcode: packet.opcode,
  status: packet.status,
  opaque: packet.opaque,
  cas: new BinaryItem(packet).cas,
  extras: [...packet.extras],
  key: packet.key.toString('latin1'),
  value: Uint8Array.from(packet.ownValue()),
})

const reply: fc.Arbitrary<Reply> = fc.record({
  opcode: fc.integer({ min: 0, max: 255 }),
  status: fc.integer({ min: 0, max: 0xffff }),
  opaque: fc.integer({ min: 0, max: 0xffff_ffff }),
  cas: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  extras: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 8 }),
  key: fc.stringMatching(/^[!-~]{0,40}$/),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 0, max: 9_000 }).map((length) => new Uint8Array(length).fill(length)),
  ),
})

/** Cuts `bytes` at the given shares of its length, and reuses one buffer for all chunks, as a socket may. */
function feed(parse: (chunk: Buffer) => void, bytes: Buffer, cuts: readonly number[]): void {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length]
  places.sort((a, b) => a - b)
  for (let index = 1; index < places.length; index++) {
    const chunk = Buffer.from(bytes.subarray(places[index - 1], places[index]))
    if (chunk.length === 0) continue
    parse(chunk)
    chunk.fill(0xee)
  }
}

describe('the parser of the binary protocol', () => {
  test('reads what was written, however it is cut, and keeps nothing of what it was given', () => {
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), cuts, (replies, places) => {
        const told: Reply[] = []
        const parse = createBinaryParser((packet) => told.push(read(packet)), 100_000)
        feed(parse, Buffer.concat(replies.map(encode)), places)
        expect(told).toEqual(replies)
      }),
    )
  })

  test('reads one byte at a time', () => {
    const one: Reply = {
      ...{ opcode: 0x0d, status: 0, opaque: 7, cas: 9n, extras: [0, 0, 0, 1] },
      ...{ key: 'a', value: new Uint8Array(5_000).fill(3) },
    }
    const told: Reply[] = []
    const parse = createBinaryParser((packet) => told.push(read(packet)), 100_000)
    for (const byte of encode(one)) parse(Buffer.from([byte]))
    expect(told).toEqual([one])
  })

  test('knows the key of a reply from others', () => {
    const seen: boolean[] = []
    const parse = createBinaryParser((packet) => {
      for (const key of ['key-1', 'key-2', 'key-', 'kex-1', '']) seen.push(packet.isAbout(key))
    }, 1_000)
    const value = new Uint8Array(3)
    parse(encode({ opcode: 0, status: 0, opaque: 0, cas: 0n, extras: [0], key: 'key-1', value }))
    expect(seen).toEqual([true, false, false, false, false])
  })

  test('refuses any bytes that begin with no reply, at their first byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
        if (bytes[0] === 0x81) return
        expect(() => createBinaryParser(() => {}, 1_000)(Buffer.from(bytes))).toThrow(ProtocolFault)
      }),
    )
  })

  test('refuses a length beyond the largest value before it makes room for it', () => {
    const head = Buffer.alloc(headerBytes)
    head[0] = 0x81
    head.writeUInt32BE(1_001, 8)
    expect(() => createBinaryParser(() => {}, 1_000)(head)).toThrow('1001 bytes')
    head.writeUInt32BE(2, 8)
    head[4] = 8
    expect(() => createBinaryParser(() => {}, 1_000)(head)).toThrow('contradicts')
  })

  test('names the option that helps where a server answers in text', () => {
    const parse = createBinaryParser(() => {}, 1_000)
    expect(() => parse(Buffer.from('ERROR\r\n'))).toThrow("protocol: 'meta'")
  })

  test('tells a server that is full of connections from one that speaks text', () => {
    const parse = createBinaryParser(() => {}, 1_000)
    const said = Buffer.from('ERROR Too many open connections\r\n')
    expect(() => parse(said)).toThrow('takes no more connections')
  })
})
