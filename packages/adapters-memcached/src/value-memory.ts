const slabBytes = 8_192
/** From this size on a value has memory of its own, which then costs little beside the rest. */
const largeBytes = 2_048

/**
 * Memory for values that are copied out of what was received. Memory of its own for each would be a third of what a get
 * costs, so small ones share 8 KiB: that is the most that one of them holds on to, which somebody keeps. Node's pool
 * would do the same for 64 KiB.
 */
export class ValueMemory {
  #slab: Buffer = Buffer.allocUnsafeSlow(0)
  #used = 0

  /** So many bytes, of any content, which nobody else has. */
  take(size: number): Buffer {
    if (size >= largeBytes) return Buffer.allocUnsafeSlow(size)
    if (this.#used + size > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#used = 0
    }
    const from = this.#used
    this.#used += size
    return this.#slab.subarray(from, from + size)
  }
}
