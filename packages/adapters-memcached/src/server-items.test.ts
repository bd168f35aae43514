import { type FakeClock, fakeClock } from '@holdfast/core/testing'
import { describe, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { ServerItems } from './server-items.ts'

const MiB = 1_024 * 1_024
const commandTimeoutMs = 200

/** A server that takes so long for each of its items, or refuses it. */
function itemsOn(clock: FakeClock, setMs: number, refuses: (key: string) => boolean = () => false) {
  const stored: string[] = []
  const deleted: string[] = []
  const driver: Partial<Driver> = {
    async set(key) {
      await clock.advance(setMs)
      if (refuses(key)) throw new Error('refused')
      stored.push(key)
    },
    async delete(key) {
      if (refuses(key)) throw new Error('refused')
      deleted.push(key)
      return true
    },
  }
  const settings = { name: 'memcached', clock, itemBytes: MiB, commandTimeoutMs }
  return { items: new ServerItems(driver as Driver, settings), stored, deleted }
}

describe('what takes several commands', () => {
  test('a large value whose parts took too long is not written after its deadline', async () => {
    const { items, stored } = itemsOn(fakeClock(), 50)
    await expect(items.set('late', Buffer.alloc(30 * MiB), 60_000)).rejects.toMatchObject({
      kind: 'timeout',
      message: "set on the store 'memcached' was not done within 200 ms; see commandTimeout",
    })
    expect(stored.length).toBeGreaterThan(0)
    expect(stored).not.toContain('late')
    const inTime = itemsOn(fakeClock(), 1)
    await inTime.items.set('early', Buffer.alloc(30 * MiB), 60_000)
    expect(inTime.stored.at(-1)).toBe('early')
  })

  test('a value of which a part was refused is not written', async () => {
    const { items, stored } = itemsOn(fakeClock(), 0, (key) => key.endsWith(':3'))
    await expect(items.set('torn', Buffer.alloc(30 * MiB), 60_000)).rejects.toThrow('refused')
    expect(stored).not.toContain('torn')
  })

  test('of many values none is written after the deadline', async () => {
    const { items, stored } = itemsOn(fakeClock(), 1)
    const entries = Array.from({ length: 5_000 }, (_, index) => ({
      key: `${index}`,
      bytes: Buffer.alloc(1),
      ttlMs: 60_000,
    }))
    await expect(items.setMany(entries)).rejects.toMatchObject({ kind: 'timeout' })
    expect(stored.length).toBeLessThan(5_000)
  })

  test('of many deletes all are tried, though some fail', async () => {
    const { items, deleted } = itemsOn(fakeClock(), 0, (key) => key === '7')
    const keys = Array.from({ length: 5_000 }, (_, index) => `${index}`)
    await expect(items.deleteMany(keys)).rejects.toThrow('refused')
    expect(deleted).toHaveLength(4_999)
  })
})
