import { createServer } from 'node:http'
import type { NetConnectOpts } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { guardedFetch } from '../../src/network/guarded-fetch.ts'
import { type LoopbackNetwork, loopbackNetwork } from '../../test/download/case-origin.ts'

/** A kernel, or something below this process, that connects elsewhere than it was told to. */
let leadsTo: string | undefined
vi.mock('node:net', async (original) => {
  const net = await original<typeof import('node:net')>()
  const connect = (options: NetConnectOpts) =>
    net.connect(leadsTo === undefined ? options : { ...options, host: leadsTo })
  return { ...net, connect }
})

let network: LoopbackNetwork | undefined
afterEach(async () => {
  leadsTo = undefined
  await network?.close()
})

it('a connection that ends up at another address than the one that was checked is not used', async () => {
  let asked = 0
  network = await loopbackNetwork(
    createServer((_, response) => {
      asked++
      response.end('from inside')
    }),
  )
  const url = `http://127.0.0.2:${network.port}/`
  const fetched = guardedFetch({
    origins: ['http://127.0.0.2', 'http://127.0.0.1'],
    network: { schemes: ['http'], ports: [network.port], allowPrivate: ['127.0.0.0/8'] },
  })
  leadsTo = '127.0.0.1'
  await expect(fetched(url)).rejects.toMatchObject({ code: 'address' })
  expect(asked).toBe(0)
  // The same way is open to who means it.
  const response = await fetched(`http://127.0.0.1:${network.port}/`)
  expect(await response.text()).toBe('from inside')
})
