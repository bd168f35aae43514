/**
 * Sharding inside the client: which server a key is on, as twemproxy, libmemcached or pymemcache would decide it, or
 * by a ring of our own.
 */
export { compareRings, type RingComparison, type ServerComparison } from './compare-rings.ts'
export type { CharSign, HashName } from './hashes/named-hashes.ts'
export { type NutcrackerConfig, parseNutcracker } from './nutcracker/parse-nutcracker.ts'
export type { NutcrackerPool, NutcrackerServer } from './nutcracker/pool.ts'
export { createRing, type Ring, type RingExplanation } from './ring.ts'
export type { Compat, Distribution, RingOptions, RingServer } from './ring-options.ts'
