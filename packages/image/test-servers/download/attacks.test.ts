import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import * as zlib from 'node:zlib'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { createDownloader } from '../../src/download/download.ts'
import { ImageError } from '../../src/image-error.ts'
import { defaultTypes, inspect } from '../../src/inspect/inspect.ts'
import type { GuardOptions } from '../../src/network/options.ts'
import { readGuardSettings } from '../../src/network/settings.ts'
import { type LoopbackNetwork, loopbackNetwork } from '../../test/download/case-origin.ts'

/** What is promised of every attack, under the limits that nobody has to set. */
const mostMs = 5_000
const mostBytes = 10 * 1024 * 1024

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEklEQVQImWM4IWdzQs6GAYUCAEq7Bs1dd9HsAAAAAElFTkSuQmCC',
  'base64',
)

const http = (answer: (response: ServerResponse, url: string) => void): Server =>
  createHttpServer((request, response) => answer(response, request.url ?? ''))

/** Sends what `next` gives for as long as somebody reads. */
function pour(socket: Socket | ServerResponse, next: () => Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(next()));
  }
  socket.on('drain', more)
  more()
}

function drip(socket: Socket | ServerResponse, bytes: Buffer, everyMs: number): void {
  let sent = 0
  const timer = setInterval(() => socket.write(bytes.subarray(sent, ++sent)), everyMs)
  socket.on('close', () => clearInterval(timer))
}

interface Refusal {
  readonly code: string
  readonly tookMs: number
  /** How long this process was too busy to notice anything, which is nobody's promise. */
  readonly lagMs: number
  readonly network: LoopbackNetwork
}

/** What an image cache does with the answer, under default limits. */
async function attacked(
  server: Server,
  url = 'http://img.example.com/a.png',
  prepare: (network: LoopbackNetwork) => void = () => {},
  options: Partial<GuardOptions> = {},
): Promise<Refusal> {
  const network = await loopbackNetwork(server)
  prepare(network)
  const settings = {
    ...readGuardSettings({ origins: ['*'], network: { schemes: ['http', 'https'] }, ...options }),
    types: defaultTypes,
  }
  const downloader = createDownloader(settings, network.seam)
  let lagMs = 0
  let tickedAt = performance.now()
  const ticking = setInterval(() => {
    lagMs += Math.max(0, performance.now() - tickedAt - 30)
    tickedAt = performance.now()
  }, 20)
  const startedAt = performance.now()
  const refused = (error: unknown) => {
    expect(error, String((error as Error)?.stack)).toBeInstanceOf(ImageError)
    return (error as ImageError).code
  }
  try {
    const { body, headers } = await downloader.download(url)
    const declaredType = headers.get('content-type') ?? undefined
    inspect(body, { ...settings, declaredType })
    return { code: 'admitted', tookMs: performance.now() - startedAt, lagMs, network }
  } catch (error) {
    return { code: refused(error), tookMs: performance.now() - startedAt, lagMs, network }
  } finally {
    clearInterval(ticking)
    downloader.close()
    await network.close()
  }
}

function expectRefused(refusal: Refusal, code: string): void {
  expect(refusal.code).toBe(code)
  expect(refusal.tookMs).toBeLessThan(mostMs + refusal.lagMs)
  expect(refusal.network.bytesRead()).toBeLessThanOrEqual(mostBytes)
}

describe('a body that is too large', () => {
  let bombs: Record<string, Buffer>
  beforeAll(() => {
    const zeros = Buffer.alloc(52_000_000)
    bombs = {
      gzip: gzipSync(zeros),
      'x-gzip': gzipSync(zeros),
      deflate: deflateSync(zeros),
      'deflate without its wrapper': deflateRawSync(zeros),
      br: brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
      zstd: zlib.zstdCompressSync(zeros),
    }
  })

  it.each(['gzip', 'x-gzip', 'deflate', 'deflate without its wrapper', 'br', 'zstd'])(
    'of 52 MB in a few KB of %s',
    async (name) => {
      const bomb = bombs[name]!
      expect(bomb.byteLength).toBeLessThan(60_000)
      const heapBefore = process.memoryUsage().rss
      const refusal = await attacked(
        http((response) => {
          response.setHeader('content-encoding', name.split(' ', 1)[0]!)
          response.end(bomb)
        }),
      )
      expectRefused(refusal, 'size')
      expect(process.memoryUsage().rss - heapBefore).toBeLessThan(60_000_000)
    },
  )

  it('that never ends', async () => {
    const chunk = Buffer.alloc(65_536)
    expectRefused(await attacked(http((response) => pour(response, () => chunk))), 'size')
  })

  it('that never ends and is announced as one of 20 MB', async () => {
    const chunk = Buffer.alloc(65_536)
    const server = http((response) => {
      response.setHeader('content-length', 20_000_000)
      pour(response, () => chunk)
    })
    const refusal = await attacked(server)
    expectRefused(refusal, 'size')
    expect(refusal.network.bytesRead()).toBeLessThan(200_000)
  })

  it('that goes on behind a length of 10', async () => {
    const server = createServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789')
      pour(socket, () => Buffer.alloc(65_536))
    })
    expectRefused(await attacked(server), 'type')
  })

  it('behind the end of its gzip', async () => {
    const server = http((response) => {
      response.setHeader('content-encoding', 'gzip')
      response.write(gzipSync(png))
      pour(response, () => Buffer.alloc(65_536))
    })
    expectRefused(await attacked(server), 'size')
  })

  it('in headers', async () => {
    const server = createServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      pour(socket, () => Buffer.from(`x-${'a'.repeat(60)}: ${'b'.repeat(1_000)}\r\n`))
    })
    expectRefused(await attacked(server), 'network')
  })
})

describe.concurrent('an answer that takes its time', () => {
  it('a byte of the body a second', async () => {
    const server = http((response) => {
      response.setHeader('content-length', png.byteLength)
      response.flushHeaders()
      drip(response, png, 1_000)
    })
    expectRefused(await attacked(server), 'timeout')
  })

  it('a byte of the headers a second', async () => {
    const head = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc')
    expectRefused(await attacked(createServer((socket) => drip(socket, head, 1_000))), 'timeout')
  })

  it('a chunk of nothing but its extension, over and over', async () => {
    const server = createServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
      drip(socket, Buffer.from(`1;${'x'.repeat(100)}\r\n`), 200)
    })
    expectRefused(await attacked(server), 'timeout')
  })

  it('no answer', async () => {
    expectRefused(await attacked(createServer(() => {})), 'timeout')
  })

  it('no handshake', async () => {
    expectRefused(
      await attacked(
        createServer(() => {}),
        'https://img.example.com/a',
      ),
      'timeout',
    )
  })

  it('interim answers without end', async () => {
    const server = createServer((socket) => {
      pour(socket, () => Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'))
    })
    expectRefused(await attacked(server), 'network')
  })

  it('no address', async () => {
    const refusal = await attacked(createServer(), 'http://img.example.com/a', (to) => {
      to.seam.lookup = () => new Promise(() => {})
    })
    expectRefused(refusal, 'timeout')
  })

  it('credentials that never come', async () => {
    const origins = [
      { match: 'http://img.example.com', headers: () => new Promise<never>(() => {}) },
    ]
    const refusal = await attacked(createServer(), undefined, undefined, { origins })
    expectRefused(refusal, 'timeout')
  })
})

describe('a picture that is none', () => {
  it('30,000 x 30,000 in its header', async () => {
    const huge = Buffer.from(png)
    huge.writeUInt32BE(30_000, 16)
    huge.writeUInt32BE(30_000, 20)
    expectRefused(await attacked(http((response) => response.end(huge))), 'pixels')
  })

  it('cut behind the end of its gzip', async () => {
    const body = gzipSync(png)
    const server = http((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length + 9 })
      response.write(body, () => setTimeout(() => response.destroy(), 20))
    })
    expectRefused(await attacked(server), 'truncated')
  })

  it('HTML called image/png', async () => {
    const server = http((response) => {
      response.setHeader('content-type', 'image/png')
      response.end('<!doctype html><script>alert(1)</script>')
    })
    expectRefused(await attacked(server), 'type')
  })

  it('a picture called HTML', async () => {
    const server = http((response) => {
      response.setHeader('content-type', 'text/html')
      response.end(png)
    })
    expectRefused(await attacked(server), 'type')
  })

  it.each(['gzip, gzip', 'gzip,identity', 'compress', 'aes128gcm', 'x'])(
    'a coding of %s',
    async (coding) => {
      const server = http((response) => {
        response.setHeader('content-encoding', coding)
        response.end(gzipSync(gzipSync(png)))
      })
      expectRefused(await attacked(server), 'encoding')
    },
  )

  it.each([
    ['that is none', png],
    ['cut in the middle', gzipSync(png).subarray(0, 40)],
    ['with a wrong checksum', Buffer.concat([gzipSync(png).subarray(0, -8), Buffer.alloc(8)])],
  ])('gzip %s', async (_, bytes) => {
    const server = http((response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(bytes)
    })
    expectRefused(await attacked(server), 'encoding')
  })
})

describe('an answer that leads inside', () => {
  const redirect = (location: string, status = 302) =>
    http((response) => response.writeHead(status, { location }).end('x'.repeat(100)))
  const inside = ({ network }: Refusal) =>
    network.dialled.filter(({ address }) => address !== '93.184.216.34')

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://127.0.0.1:80/',
    'http://0x7f000001/',
    'http://[::1]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    '//10.0.0.1/',
    'http://metadata.internal/',
  ])('a redirect to %s', async (location) => {
    const refusal = await attacked(redirect(location), undefined, (to) => {
      to.dns['metadata.internal'] = [['169.254.169.254']]
    })
    expectRefused(refusal, 'address')
    expect(inside(refusal)).toEqual([])
    expect(refusal.network.dialled).toHaveLength(1)
  })

  it.each([
    ['file:///etc/passwd', 'scheme'],
    ['http://user:pass@img.example.com/', 'credentials'],
    ['http://img.example.com:22/', 'port'],
    ['http://img.example.com\\@evil.test/', 'url'],
  ])('a redirect to %s', async (location, code) => {
    const refusal = await attacked(redirect(location))
    expectRefused(refusal, code)
    expect(refusal.network.dialled).toHaveLength(1)
  })

  it('a redirect off the list', async () => {
    const options = { origins: ['http://img.example.com'] }
    const refusal = await attacked(redirect('http://evil.test/'), undefined, undefined, options)
    expectRefused(refusal, 'origin')
    expect(refusal.network.lookedUp).toEqual(['img.example.com'])
  })

  it('redirects without end, and in a circle', async () => {
    let next = 0
    const endless = http((response) => response.writeHead(302, { location: `/${next++}` }).end())
    expectRefused(await attacked(endless), 'redirect')
    expect(next).toBe(4)
    let asked = 0
    const circle = http((response, url) => {
      asked++
      response.writeHead(302, { location: url === '/a.png' ? '/b' : '/a.png#again' }).end()
    })
    expectRefused(await attacked(circle), 'redirect')
    expect(asked).toBe(2)
  })

  it('a name that leads elsewhere the second time', async () => {
    const server = http((response, url) => {
      response.setHeader('connection', 'close')
      if (url === '/a.png') response.writeHead(302, { location: '/b.png' }).end()
      else response.end(png)
    })
    const refusal = await attacked(server, undefined, (to) => {
      to.dns['img.example.com'] = [['93.184.216.34'], ['127.0.0.1']]
    })
    expectRefused(refusal, 'address')
    expect(refusal.network.lookedUp).toHaveLength(2)
    expect(inside(refusal)).toEqual([])
  })

  it.each([
    [['93.184.216.34', '10.0.0.1'], 'address'],
    [['2606:4700::1', '::ffff:192.168.0.1'], 'address'],
    [['not an address'], 'dns'],
    [['fe80::1%eth0'], 'address'],
    [[], 'dns'],
  ])('a name with the answers %j', async (answers, code) => {
    const refusal = await attacked(createServer(), undefined, (to) => {
      to.dns['img.example.com'] = [answers]
    })
    expectRefused(refusal, code)
    expect(refusal.network.dialled).toEqual([])
  })
})
