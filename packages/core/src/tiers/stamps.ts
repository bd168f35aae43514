import { randomFillSync } from 'node:crypto'
import type { Stamp } from '../entry/head.ts'

const stampBytes = 16
const pool = Buffer.alloc(stampBytes * 256)
let used = pool.length

/**
 * A stamp that no process has made before or will again: 128 random bits. Not the clock's chance: two processes, or
 * two tests, must never draw the same ones.
 */
export function newStamp(): Stamp {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += stampBytes
  return pool.toString('hex', used - stampBytes, used)
}
