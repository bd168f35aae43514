import { expect, it } from 'vitest'
import type { NutcrackerPool } from '../nutcracker/pool.ts'
import { parseAddress, proxyAddress, serverAddress } from './addresses.ts'
import { refuseStrangers } from './allowed-hosts.ts'

const proxyOf = (listen: string) => proxyAddress({ listen } as NutcrackerPool)

it('reads hosts with ports, IPv6 bare and in brackets, and paths', () => {
  expect(parseAddress('a.example:22121')).toEqual({ host: 'a.example', port: 22_121 })
  expect(parseAddress('::1:22121')).toEqual({ host: '::1', port: 22_121 })
  expect(parseAddress('[::1]:22121')).toEqual({ host: '::1', port: 22_121 })
  expect(parseAddress('/tmp/s')).toEqual({ path: '/tmp/s' })
  for (const text of ['', 'a', ':1', 'a:', 'a:0', 'a:65536', 'a:x']) {
    expect(parseAddress(text)).toBeUndefined()
  }
})

it('finds a proxy that listens everywhere on this machine, and a socket without its mode', () => {
  expect(proxyOf('0.0.0.0:22121')).toEqual({ host: 'localhost', port: 22_121 })
  expect(proxyOf('10.0.0.1:22121')).toEqual({ host: '10.0.0.1', port: 22_121 })
  expect(proxyOf('/tmp/a b 0777')).toEqual({ path: '/tmp/a b' })
  expect(proxyOf('/tmp/a')).toEqual({ path: '/tmp/a' })
})

it('takes the address of a server, whatever its name', () => {
  expect(serverAddress({ name: 'x', host: '[::1]', port: 1, weight: 1 })).toEqual({
    host: '::1',
    port: 1,
  })
  expect(serverAddress({ name: 'x', path: '/p', weight: 1 })).toEqual({ path: '/p' })
})

it('lets verify talk to this machine and to hosts that were named, and to nobody else', () => {
  const here = ['127.0.0.1:1', '127.9.9.9:1', '::1:1', 'localhost:1', '/tmp/s'].map(
    (text) => parseAddress(text)!,
  )
  expect(() => refuseStrangers(here, [])).not.toThrow()
  for (const text of ['10.0.0.1:1', '0.0.0.0:1', '127.0.0.1.example:1', 'fe80::1:1', 'cache:1']) {
    const address = parseAddress(text)!
    expect(() => refuseStrangers([...here, address], ['other'])).toThrow(/not on this machine/)
    expect(() => refuseStrangers([address], ['host' in address ? address.host : ''])).not.toThrow()
  }
})
