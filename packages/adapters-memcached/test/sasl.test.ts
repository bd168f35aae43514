import { inspect } from 'node:util'
import { canary, canarySecret } from '@holdfast/lab/canary'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import type { MemcachedServerOptions } from '@holdfast/lab/memcached-server'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { kindOf, openDriver, outcome, soon, textOf } from './open-driver.ts'

async function real(options: MemcachedServerOptions) {
  const server = await startMemcached(options)
  onTestFinished(async () => {
    await server.kill()
    await server.stop()
  })
  return server
}

const users = {
  anna: canarySecret('anna horse'),
  bert: `${canarySecret('bert')} pässword \u{1f511}`,
}

describe('a server that wants a login', () => {
  test.each(Object.entries(users))('lets %s in', async (username, password) => {
    const server = await real({ users })
    const driver = openDriver(server.port, { credentials: { username, password } })
    await driver.set('a', Buffer.from('1'), 0)
    expect(textOf(await driver.get('a'))).toBe('1')
  })

  test('asks for the password at each connect, so that it can be rotated', async () => {
    const server = await real({ users })
    const proxy = await startFaultProxy({ upstream: { port: server.port } })
    onTestFinished(() => proxy.stop())
    let asked = 0
    const password = async () => {
      asked++
      return users.anna
    }
    const driver = openDriver(proxy.port, { credentials: { username: 'anna', password } })
    await driver.set('a', Buffer.from('1'), 0)
    proxy.resetAll()
    await soon(50)
    expect(textOf(await driver.get('a'))).toBe('1')
    expect(asked).toBe(2)
  })

  test('is not told about commands before it has said yes', async () => {
    const server = await real({ users })
    const proxy = await startFaultProxy({ upstream: { port: server.port } })
    onTestFinished(() => proxy.stop())
    proxy.record(true)
    const driver = openDriver(proxy.port, {
      credentials: { username: 'anna', password: canarySecret('wrong') },
    })
    const calls = Array.from({ length: 20 }, () => outcome(driver.set('k', Buffer.from('v'), 0)))
    for (const { error } of await Promise.all(calls)) expect(kindOf(error)).toBe('auth')
    expect(proxy.recorded.subarray(24).toString('latin1')).toBe(
      `PLAIN\0anna\0${canarySecret('wrong')}`,
    )
  })

  test('is asked again once a second at most after it has said no', async () => {
    const server = await real({ users })
    const proxy = await startFaultProxy({ upstream: { port: server.port } })
    onTestFinished(() => proxy.stop())
    const driver = openDriver(proxy.port, {
      credentials: { username: 'anna', password: canarySecret('wrong') },
    })
    const endsAt = performance.now() + 1_800
    while (performance.now() < endsAt) {
      await outcome(driver.get('a'))
      await soon(5)
    }
    expect(proxy.accepted).toBeGreaterThanOrEqual(1)
    expect(proxy.accepted).toBeLessThanOrEqual(2)
  })
})

test('a server without logins says so when one is given', async () => {
  const server = await real({ protocol: 'binary' })
  const driver = openDriver(server.port, {
    credentials: { username: 'anna', password: canarySecret('unused') },
  })
  const { error } = await outcome(driver.get('a'))
  expect(kindOf(error)).toBe('auth')
  expect((error as Error).message).toContain('leave out username and password')
})

test('a password function that fails is named, and what it failed with is not passed on', async () => {
  const server = await real({ users })
  const password = async () => {
    throw new Error(`vault token ${canarySecret('vault')}`)
  }
  const driver = openDriver(server.port, { credentials: { username: 'anna', password } })
  const { error } = await outcome(driver.get('a'))
  expect(kindOf(error)).toBe('auth')
  expect((error as Error).message).toContain('password')
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(canary)
})

test('a server that refuses the binary protocol is told apart at once, with the option that helps', async () => {
  const server = await real({ protocol: 'ascii' })
  for (const options of [
    {},
    { credentials: { username: 'anna', password: canarySecret('unused') } },
  ]) {
    const driver = openDriver(server.port, options)
    const { error } = await outcome(driver.get('a'), 150)
    expect(kindOf(error)).toBe('protocol')
    expect((error as Error).message).toContain("set protocol: 'meta'")
  }
})
