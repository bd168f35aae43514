import { describe, expect, it } from 'vitest'
import { quickestMs } from '../../../../lab/src/quickest-ms.ts'
import { jsonWithinLimits, maxDepth, maxNodes } from './limits.ts'

const isAccepted = (text: string) => jsonWithinLimits(Buffer.from(text)) === text
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('the limits of a JSON text', () => {
  it('let through what is nested exactly as deep as allowed, and nothing deeper', () => {
    expect(isAccepted(nested(maxDepth))).toBe(true)
    expect(isAccepted(nested(maxDepth + 1))).toBe(false)
    expect(isAccepted(`${'{"a":'.repeat(maxDepth + 1)}1${'}'.repeat(maxDepth + 1)}`)).toBe(false)
  })

  it('count depth, not brackets: many containers side by side are fine', () => {
    expect(isAccepted(`[${'[],'.repeat(5_000)}{}]`)).toBe(true)
  })

  it('let through exactly the allowed number of values, and not one more', () => {
    // The array itself is one of them.
    expect(isAccepted(`[${'1,'.repeat(maxNodes - 2)}1]`)).toBe(true)
    expect(isAccepted(`[${'1,'.repeat(maxNodes - 1)}1]`)).toBe(false)
    expect(isAccepted(`{"a":[${'10,'.repeat(maxNodes - 3)}10]}`)).toBe(true)
    expect(isAccepted(`{"a":[${'10,'.repeat(maxNodes - 2)}10]}`)).toBe(false)
  })

  it('do not mistake brackets and commas inside strings for structure', () => {
    const text = JSON.stringify({ text: '[{,"\\'.repeat(60_000) })
    expect(text.length).toBeGreaterThan(2 * maxNodes)
    expect(isAccepted(text)).toBe(true)
  })

  it.each([
    ['brackets', Buffer.alloc(8 * 1024 * 1024, '[')],
    ['commas', Buffer.alloc(8 * 1024 * 1024, ',')],
    ['one string', Buffer.from(`["${'x'.repeat(8 * 1024 * 1024 - 8)}",{"`)],
  ])('judge 8 MiB of %s within 20 ms', (_name, bomb) => {
    expect(quickestMs(() => void jsonWithinLimits(bomb), 20)).toBeLessThan(20)
  })
})
