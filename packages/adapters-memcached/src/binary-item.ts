import type { Packet } from './binary-packet.ts'
import type { Item } from './driver.ts'

/** What the reply to a get brought. Most readers never ask for its cas, and a bigint is made for those that do. */
export class BinaryItem implements Item {
  readonly bytes: Uint8Array
  readonly flags: number
  readonly #casHigh: number
  readonly #casLow: number

  constructor(packet: Packet) {
    this.bytes = packet.ownValue()
    this.flags = packet.flags
    this.#casHigh = packet.casHigh
    this.#casLow = packet.casLow
  }

  get cas(): bigint {
    return (BigInt(this.#casHigh) << 32n) | BigInt(this.#casLow)
  }
}
