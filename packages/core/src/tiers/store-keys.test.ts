import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fence, Scope } from '../invalidation/scope.ts'
import {
  fittingKey,
  namespaceVersionKey,
  refreshClaimKey,
  storeKey,
  tagEpochKey,
  tagVersionKey,
} from './store-keys.ts'

/** Names and keys made of the very characters that the layout is made of. */
const tricky = fc.oneof(
  fc.string({ unit: fc.constantFrom('/', '%', ':', 'a', 'n', 't', 'r', 'e', '2', 'F') }),
  fc.constantFrom('%n', '%e', '%t', '%r', '%2F', 'a:b', 'a/b', '/', '//', '/%n', '/%t/x', '/a/x'),
  fc.string({ unit: 'binary' }),
)
const name = tricky.filter((text) => text !== '' && text.isWellFormed())

interface Place {
  readonly root: string
  readonly inside: readonly string[]
  readonly kind: 'key' | 'namespace' | 'epoch' | 'tag' | 'refresh'
  readonly what: string
}

const place: fc.Arbitrary<Place> = fc.record({
  root: fc.oneof(fc.constant(''), name),
  inside: fc.array(name, { maxLength: 3 }),
  kind: fc.constantFrom<Place['kind']>('key', 'namespace', 'epoch', 'tag', 'refresh'),
  what: name,
})

const fence = new Fence()

function scopeOf(root: string, inside: readonly string[]): Scope {
  return inside.reduce((scope, child) => scope.child(child), new Scope(fence, undefined, root))
}

function keyOf({ root, inside, kind, what }: Place): string {
  const scope = scopeOf(root, inside)
  if (kind === 'namespace') return namespaceVersionKey(scope)
  if (kind === 'epoch') return tagEpochKey(scope)
  if (kind === 'tag') return tagVersionKey(scope, what)
  return kind === 'refresh' ? refreshClaimKey(scope, what) : storeKey(scope, what)
}

describe('store keys', () => {
  it('of two places are never the same, unless the places are', () => {
    fc.assert(
      fc.property(place, place, (one, other) => {
        const isSame =
          one.root === other.root &&
          one.kind === other.kind &&
          one.inside.join('\0') === other.inside.join('\0') &&
          (one.what === other.what || one.kind === 'namespace' || one.kind === 'epoch')
        expect(keyOf(one) === keyOf(other)).toBe(isSame)
      }),
      { numRuns: 10_000 },
    )
  })

  it('of a cache begin with its namespace, those of a namespace inside with both', () => {
    expect(storeKey(scopeOf('api', []), 'products:7')).toBe('api:products:7')
    expect(storeKey(scopeOf('api', ['eu']), 'products:7')).toBe('api:/eu/products:7')
    expect(storeKey(scopeOf('', []), 'products:7')).toBe('products:7')
    expect(storeKey(scopeOf('a:b', []), 'c')).toBe('a%3Ab:c')
  })

  it('that the store would not take are 128 bits and more of digest, each its own', () => {
    expect(fittingKey('api:short', 250)).toBe('api:short')
    const fitted = fittingKey(`api:${'x'.repeat(300)}`, 250)
    expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(250)
    expect(fitted).toMatch(/^\/%h\/[\w-]{43}$/)
    expect(fittingKey(`api:${'x'.repeat(301)}`, 250)).not.toBe(fitted)
    expect(fittingKey('ü'.repeat(125), 250)).toBe('ü'.repeat(125))
    expect(fittingKey('ü'.repeat(126), 250)).not.toBe('ü'.repeat(126))
  })
})
