import { describe, expect, it } from 'vitest'
import { createCache } from '../cache.ts'
import { fakeClock } from '../testing/fake-clock.ts'

const cacheOf = () => createCache({ clock: fakeClock() })

describe('a loader', () => {
  it('may return a thenable', async () => {
    const cache = cacheOf()
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
    const thenable = { then: (resolve: (value: string) => void) => resolve('value') }
    expect(await cache.wrap('k', () => thenable as unknown as Promise<string>)).toBe('value')
    expect(cache.peek('k')).toBe('value')
  })

  it('may return a thenable that is a function', async () => {
    const cache = cacheOf()
    const thenable = Object.assign(() => {}, {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then: (resolve: (value: string) => void) => resolve('value'),
    })
    expect(await cache.wrap('k', () => thenable as unknown as Promise<string>)).toBe('value')
    expect(cache.peek('k')).toBe('value')
  })

  it('may return a thenable that calls back twice, throws after it, or throws when asked for then', async () => {
    const cache = cacheOf()
    const twice = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      then(resolve: (value: string) => void, reject: (error: unknown) => void) {
        resolve('first')
        resolve('second')
        reject(new Error('third'))
        throw new Error('fourth')
      },
    }
    expect(await cache.wrap('twice', () => twice as unknown as Promise<string>)).toBe('first')
    const throwing = {
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
      get then(): never {
        throw new Error('asked')
      },
    }
    await expect(cache.wrap('throwing', () => throwing as unknown as string)).rejects.toThrow(
      'asked',
    )
    expect(cache.stats().loading).toBe(0)
  })

  it('may return a proxy that refuses to be looked at: that is its error, and the key is free again', async () => {
    const cache = cacheOf()
    const refuse = (): never => {
      throw new Error('refused')
    }
    const hostile = new Proxy({}, { has: refuse, get: refuse, ownKeys: refuse })
    await expect(cache.wrap('k', () => hostile)).rejects.toThrow('refused')
    expect(cache.stats().loading).toBe(0)
    expect(await cache.wrap<unknown>('k', () => 'value')).toBe('value')
  })
})
