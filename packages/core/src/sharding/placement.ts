/** A server as a ring knows it: what callers call it, what is hashed for it, and where it stood in the list. */
export interface RingMember {
  readonly name: string
  /** The bytes that stand for the server on the ring; differs from `name` only in a compat mode. */
  readonly ringName: string
  readonly weight: number
  /** Position in the list `createRing` was given. */
  readonly index: number
}

/** The second half of a lookup: from a key's hash (as a signed 32-bit number) to a server's index. */
export interface Placement {
  place(hash: number): number
  /** What `place` compared the hash with: a point of the ring, a slot or a score. For people. */
  pointOf(hash: number): number
}
