import { Crc16, Crc32, Crc32a } from './crc.ts'
import { Fnv1, Fnv1a } from './fnv.ts'
import { Hsieh } from './hsieh.ts'
import { Jenkins } from './jenkins.ts'
import type { KeyHash } from './key-hash.ts'
import { Md5 } from './md5.ts'
import { Murmur2 } from './murmur2.ts'
import { Murmur3 } from './murmur3.ts'
import { OneAtATime } from './one-at-a-time.ts'

/** Whether a C `char` is signed where the ring was built: on x86 it is, on ARM Linux it is not. */
export type CharSign = 'signed' | 'unsigned'

/** The 12 key hashes of twemproxy 0.5, by the names its configuration gives them. */
export const twemproxyHashes = {
  one_at_a_time: (sign) => new OneAtATime(sign === 'signed'),
  md5: () => new Md5(),
  crc16: () => new Crc16(),
  crc32: () => new Crc32(),
  crc32a: () => new Crc32a(),
  fnv1_64: (sign) => new Fnv1('fnv1_64', sign === 'signed'),
  fnv1a_64: (sign) => new Fnv1a('fnv1a_64', sign === 'signed'),
  fnv1_32: (sign) => new Fnv1('fnv1_32', sign === 'signed'),
  fnv1a_32: (sign) => new Fnv1a('fnv1a_32', sign === 'signed'),
  hsieh: (sign) => new Hsieh(sign === 'signed'),
  murmur: () => new Murmur2(),
  jenkins: () => new Jenkins(),
} as const satisfies Record<string, (sign: CharSign) => KeyHash>

/** The key hashes of libmemcached; `default` and `crc` are its own names for two that twemproxy has too. */
export const libmemcachedHashes = {
  ...twemproxyHashes,
  default: twemproxyHashes.one_at_a_time,
  crc: twemproxyHashes.crc32,
  murmur3: () => new Murmur3(0xdeadbeef),
} as const satisfies Record<string, (sign: CharSign) => KeyHash>

/** The key hashes of rings that follow no other system: twemproxy's, and MurmurHash3 from 0, the default. */
export const ownHashes = {
  ...twemproxyHashes,
  murmur3: () => new Murmur3(),
} as const satisfies Record<string, (sign: CharSign) => KeyHash>

export type TwemproxyHash = keyof typeof twemproxyHashes
/** Every key hash. `default` and `crc` are libmemcached's names; `murmur3` is not one of twemproxy's. */
export type HashName = keyof typeof libmemcachedHashes
