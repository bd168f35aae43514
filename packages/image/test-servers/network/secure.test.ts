import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Certificate, type Certificates, makeCertificates } from '@holdfast/lab/certificates'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ImageError } from '../../src/image-error.ts'
import { guardedFetch } from '../../src/network/guarded-fetch.ts'
import { withNetwork } from '../../src/testing/with-network.ts'
import { type LoopbackNetwork, loopbackNetwork } from '../../test/download/case-origin.ts'

let certificates: Certificates
beforeAll(() => {
  certificates = makeCertificates()
})
afterAll(() => certificates.remove())

let network: LoopbackNetwork | undefined
afterEach(async () => {
  await network?.close()
  network = undefined
})

function server(certificate: Certificate, more: object = {}): Server {
  const [cert, key] = [readFileSync(certificate.certFile), readFileSync(certificate.keyFile)]
  return createServer({ cert, key, ...more }, (request, response) => {
    if (request.url === '/down') response.writeHead(302, { location: 'http://localhost/' })
    response.end(`${request.headers.host}${request.url}`)
  })
}

async function fetched(url: string, from: Server, ca: string | undefined = certificates.ca) {
  network = await loopbackNetwork(from)
  const { port } = network
  const own = { schemes: ['http', 'https'] as const, ports: [port], ...(ca === '' ? {} : { ca }) }
  const options = { origins: ['*'], network: own, limits: { deadline: '2s' } } as const
  // The port in the URL is for show: whatever is dialled leads to this server.
  return guardedFetch(withNetwork(options, network.seam))(url)
}

describe('over TLS', () => {
  it('a certificate for the name, of an authority that is trusted, is accepted', async () => {
    const response = await fetched('https://localhost/a', server(certificates.good))
    expect(await response.text()).toBe('localhost/a')
    expect(network!.dialled).toEqual([
      { address: '93.184.216.34', port: 443, servername: 'localhost' },
    ])
  })

  it.each([
    ['expired', () => certificates.expired, 'https://localhost/', 'CERT_HAS_EXPIRED'],
    [
      'for another name',
      () => certificates.wrongHost,
      'https://localhost/',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'for a name, where an address is asked',
      () => certificates.wrongHost,
      'https://93.184.216.34/',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'signed by itself',
      () => certificates.selfSigned,
      'https://localhost/',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    ],
  ])('one that is %s is refused', async (_, certificate, url, code) => {
    const error = await fetched(url, server(certificate())).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ImageError)
    expect(error).toMatchObject({ code: 'network', retryable: false, cause: { code } })
  })

  it('one of an authority that only this test knows is refused without `ca`', async () => {
    const error = await fetched('https://localhost/', server(certificates.good), '').catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'network', retryable: false })
  })

  it('nothing older than TLS 1.2 is spoken', async () => {
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }
    const pending = fetched('https://localhost/', server(certificates.good, old))
    await expect(pending).rejects.toMatchObject({ code: 'network' })
  })

  it('a redirect to http is refused', async () => {
    const pending = fetched('https://localhost/down', server(certificates.good))
    await expect(pending).rejects.toMatchObject({ code: 'redirect' })
    expect(network!.dialled).toHaveLength(1)
  })
})

describe('what the environment says', () => {
  const run = promisify(execFile)
  const source = fileURLToPath(new URL('../../src/network/guarded-fetch.ts', import.meta.url))

  /** A process with this environment that fetches `url`, and prints what came of it. */
  async function inProcess(url: string, env: Record<string, string>): Promise<string> {
    const options = {
      origins: [url],
      network: { schemes: ['http', 'https'], allowPrivate: ['127.0.0.1'] },
    }
    const script = `
      import { guardedFetch } from ${JSON.stringify(source)}
      const fetched = guardedFetch(${JSON.stringify(options)})
      console.log(await fetched(${JSON.stringify(url)}).then((r) => r.text(), (e) => e.code))`
    const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval', script]
    const { stdout } = await run(process.execPath, flags, {
      env: { PATH: process.env.PATH, ...env },
    })
    return stdout.trim()
  }

  it('NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch verification off', async () => {
    network = await loopbackNetwork(server(certificates.selfSigned))
    const url = `https://127.0.0.1:${network.port}/`
    expect(await inProcess(url, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toBe('network')
  })

  it('proxies are not asked', async () => {
    let asked = 0
    network = await loopbackNetwork(
      createHttpServer((_, response) => response.end('from the origin')),
    )
    const proxy = await loopbackNetwork(
      createHttpServer((_, response) => {
        asked++
        response.end('from the proxy')
      }).on('connect', () => asked++),
    )
    const url = `http://127.0.0.1:${network.port}/`
    const address = `http://127.0.0.1:${proxy.port}`
    const env = {
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: address,
      http_proxy: address,
      ALL_PROXY: address,
    }
    expect(await inProcess(url, env)).toBe('from the origin')
    expect(asked).toBe(0)
    await proxy.close()
  })
})
