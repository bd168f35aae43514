import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { memoryStore, StoreError } from '@holdfast/core'
import { createSessions, type Session, type Sessions } from '@holdfast/core/session'
import { fakeClock, faultyStore } from '@holdfast/core/testing'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen, type NodeHandler, place, secret, serveNode, user, Visitor } from './visitor.ts'

interface Connect {
  (...args: unknown[]): void
  use(handler: (...args: never[]) => unknown): void
}
/** It brings no types. */
const connect = createRequire(import.meta.url)('connect') as () => Connect

type Asked = IncomingMessage & { session: Session }

/** One small shop, in each framework: what a request did is in its path. */
async function act(session: Session, path: string): Promise<unknown> {
  const [, verb, value] = path.split('/')
  if (verb === 'set') session.set('value', value)
  if (verb === 'login') {
    await session.regenerate()
    session.set('user_id', value)
  }
  if (verb === 'logout') await session.destroy()
  return session.data
}

const frameworks: Record<string, (sessions: Sessions) => Promise<string>> = {
  'node:http': (sessions) =>
    serveNode(sessions, async (request, response) => {
      const answer = await act(request.session, request.url!)
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    }),
  express: (sessions) => {
    const app = express()
    app.use(sessions.middleware())
    app.get('/*path', async (request, response) => {
      response.json(await act((request as unknown as Asked).session, request.path))
    })
    return listen(app)
  },
  connect: (sessions) => {
    const app = connect()
    app.use(sessions.middleware())
    app.use(async (request: IncomingMessage, response: ServerResponse) => {
      const answer = await act((request as Asked).session, request.url!)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer))
    })
    return listen(app as never)
  },
  async fastify(sessions) {
    const app = fastify()
    onTestFinished(() => app.close() as unknown as Promise<void>)
    await app.register(sessions.fastify() as never)
    app.get('/*', (request) => act((request as unknown as Asked).session, request.url))
    return app.listen({ port: 0, host: '127.0.0.1' })
  },
  async hono(sessions) {
    const app = new Hono()
    app.get('/*', (context) =>
      sessions.handle(context.req.raw, async (request, session) =>
        Response.json(await act(session, new URL(request.url).pathname)),
      ),
    )
    return listen(async (incoming, outgoing) => {
      const { cookie } = incoming.headers
      const answer = await app.fetch(
        new Request(`http://localhost${incoming.url}`, { headers: cookie ? { cookie } : {} }),
      )
      outgoing.writeHead(answer.status, Object.fromEntries(answer.headers))
      outgoing.end(await answer.text())
    })
  },
}

describe.each(Object.entries(frameworks))('%s', (_, serve) => {
  const browser = (origin: string) => {
    let cookie: string | undefined
    return {
      get cookie() {
        return cookie
      },
      async get(path: string) {
        const response = await fetch(origin + path, cookie ? { headers: { cookie } } : {})
        const [line] = response.headers.getSetCookie()
        if (line !== undefined) cookie = line.includes('Max-Age=0') ? undefined : line.split(';')[0]
        return { status: response.status, headers: response.headers, body: await response.text() }
      },
    }
  }

  test('keeps what a visitor said, changes the id at login, and forgets at logout', async () => {
    const { sessions } = place()
    const visitor = browser(await serve(sessions))
    expect((await visitor.get('/look')).body).toBe('{}')
    expect(visitor.cookie).toBeUndefined()
    await visitor.get('/set/blue')
    const before = visitor.cookie
    expect((await visitor.get('/look')).body).toBe('{"value":"blue"}')
    await visitor.get(`/login/${user}`)
    expect(visitor.cookie).not.toBe(before)
    expect(JSON.parse((await visitor.get('/look')).body)).toEqual({
      value: 'blue',
      user_id: user,
    })
    expect(await sessions.list(user)).toHaveLength(1)
    await visitor.get('/logout')
    expect(visitor.cookie).toBeUndefined()
    expect(await sessions.list(user)).toEqual([])
  })

  test('answers 503 with Retry-After where a session cannot be read or kept, and never a page that lies', async () => {
    const clock = fakeClock()
    const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
    const sessions = createSessions({ store, secrets: [secret], clock })
    sessions.on('error', () => undefined)
    const visitor = browser(await serve(sessions))
    await visitor.get('/set/blue')
    const error = new StoreError('full', { kind: 'full' })
    for (const [on, path] of [
      ['replace', '/set/red'],
      ['get', '/look'],
    ] as const) {
      store.play([{ kind: 'reject', error, on }])
      const { status, headers, body } = await visitor.get(path)
      expect([status, body]).toEqual([503, 'Service Unavailable\n'])
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect(headers.getSetCookie()).toEqual([])
      expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
    }
    store.play([{ kind: 'reject', error, on: 'add' }])
    const stranger = browser(await serve(sessions))
    expect((await stranger.get('/set/blue')).status).toBe(503)
    expect(stranger.cookie).toBeUndefined()
    store.play([])
    expect((await visitor.get('/look')).body).toBe('{"value":"blue"}')
  })
})

/** A store whose next write waits until it is let go. */
function heldStore() {
  const inner = memoryStore()
  let release = () => {}
  let isHeld = false
  const gate = async <T>(run: () => Promise<T>) => {
    if (isHeld) {
      await new Promise<void>((resolve) => {
        release = resolve
      })
    }
    return run()
  }
  return {
    store: {
      ...inner,
      add: (...args: Parameters<typeof inner.add>) => gate(() => inner.add(...args)),
      replace: (...args: Parameters<typeof inner.replace>) => gate(() => inner.replace(...args)),
    },
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
      release()
    },
  }
}

describe('no byte of a response leaves before its session is stored', () => {
  const ways: Record<string, NodeHandler> = {
    'end alone': (_, response) => response.end('done'),
    'writeHead and end': (_, response) => {
      response.writeHead(201, 'Made', { 'x-own': '1', 'set-cookie': 'own=1' })
      response.end('done')
    },
    'writeHead with a flat list': (_, response) => {
      response.writeHead(201, ['x-own', '1', 'set-cookie', 'own=1', 'set-cookie', 'two=2'])
      response.end('done')
    },
    'a header and writes': (_, response) => {
      response.setHeader('set-cookie', ['own=1'])
      response.write('do')
      response.write(Buffer.from('n'))
      response.end('e')
    },
    flushHeaders: (_, response) => {
      response.flushHeaders()
      response.end('done')
    },
    'a pipe': (_, response) => Readable.from(['do', 'ne']).pipe(response),
    'a pipeline': (_, response) => pipeline(Readable.from(['do', 'ne']), response),
    'end with a callback': (_, response) => response.end('done', 'utf8', () => undefined),
  }

  test.each(Object.entries(ways))('%s', async (name, way) => {
    const { store, hold, release } = heldStore()
    const { sessions } = place({ store })
    let response: ServerResponse | undefined
    const origin = await serveNode(sessions, (request, answer) => {
      response = answer
      request.session.set('a', 1)
      way(request, answer)
    })
    hold()
    const asked = httpRequest(origin).end()
    let hasBegun = false
    asked.on('response', () => {
      hasBegun = true
    })
    while (response === undefined) await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(hasBegun).toBe(false)
    expect(response.headersSent).toBe(true)
    release()
    const [message] = (await once(asked, 'response')) as [IncomingMessage]
    let body = ''
    for await (const chunk of message) body += chunk
    expect(body).toBe('done')
    expect(message.statusCode).toBe(name.startsWith('writeHead') ? 201 : 200)
    const cookies = message.headers['set-cookie'] ?? []
    expect(cookies.filter((line) => line.startsWith('__Host-session='))).toHaveLength(1)
    if (name.startsWith('writeHead')) expect(message.headers['x-own']).toBe('1')
    if (name.startsWith('writeHead') || name.startsWith('a header'))
      expect(cookies).toContain('own=1')
    if (name.endsWith('flat list')) expect(cookies).toContain('two=2')
    expect(response.writableFinished).toBe(true)
  })

  test('a writer that waits for room goes on when the door opens', async () => {
    const { store, hold, release } = heldStore()
    const { sessions } = place({ store })
    const size = 3_000_000
    const chunk = Buffer.alloc(10_000, 'x')
    const told: boolean[] = []
    const origin = await serveNode(sessions, async (request, response) => {
      request.session.set('a', 1)
      for (let sent = 0; sent < size; sent += chunk.length) {
        const hasRoom = response.write(chunk)
        told.push(hasRoom)
        if (!hasRoom) await once(response, 'drain')
      }
      response.end()
    })
    hold()
    const answered = fetch(origin)
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(told).toEqual([false])
    release()
    expect((await (await answered).arrayBuffer()).byteLength).toBe(size)
  })

  test('what a handler changes while the session is being stored is stored before the response goes, too', async () => {
    const { store, hold, release } = heldStore()
    const { sessions } = place({ store })
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('a', 1))
    let goOn = () => {}
    const origin = await serveNode(sessions, async (request, response) => {
      request.session.set('a', 2)
      response.write('do')
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      request.session.set('b', 3)
      response.end('ne')
      release()
    })
    hold()
    const answered = fetch(origin, { headers: { cookie: visitor.cookie! } })
    while (String(goOn) === '() => {}') await new Promise((resolve) => setImmediate(resolve))
    goOn()
    expect(await (await answered).text()).toBe('done')
    expect(await visitor.see((session) => session.data)).toEqual({ a: 2, b: 3 })
  })

  test('what a handler began and did not wait for is waited for, and its failure is a 503', async () => {
    const clock = fakeClock()
    const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
    const { sessions } = place({ clock, store })
    sessions.on('error', () => undefined)
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('user_id', user))
    const origin = await serveNode(sessions, (request, response) => {
      if (request.url === '/login') void request.session.regenerate()
      else void request.session.destroy()
      response.end('done')
    })
    const ask = (path: string) =>
      fetch(origin + path, { headers: { cookie: visitor.cookie! } }).then((response) => ({
        status: response.status,
        cookie: response.headers.getSetCookie()[0]?.split(';')[0],
      }))
    const error = new StoreError('full', { kind: 'full' })
    store.play([{ kind: 'reject', error, on: ['add', 'delete'] }])
    expect(await ask('/login')).toEqual({ status: 503, cookie: undefined })
    expect(await ask('/logout')).toEqual({ status: 503, cookie: undefined })
    store.play([])
    const login = await ask('/login')
    expect(login.status).toBe(200)
    expect(await new Visitor(sessions, visitor.cookie).see((session) => session.isNew)).toBe(true)
    visitor.cookie = login.cookie
    expect(await visitor.see((session) => session.data)).toEqual({ user_id: user })
    expect((await ask('/logout')).status).toBe(200)
    expect(await visitor.see((session) => session.isNew)).toBe(true)
  })

  test('a request that changed nothing is answered in the same turn', async () => {
    const { sessions } = place()
    let wasSentAtOnce = false
    const origin = await serveNode(sessions, (_, response) => {
      response.end('done')
      wasSentAtOnce = response.writableEnded && response.headersSent
    })
    expect(await (await fetch(origin)).text()).toBe('done')
    expect(wasSentAtOnce).toBe(true)
  })
})

describe('what changes after the first byte', () => {
  const late = async (fail: boolean) => {
    const clock = fakeClock()
    const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
    const { sessions } = place({ clock, store })
    sessions.on('error', () => undefined)
    const visitor = new Visitor(sessions)
    await visitor.ask((session) => session.set('a', 1))
    if (fail) {
      const error = new StoreError('full', { kind: 'full' })
      store.play([{ kind: 'reject', error, on: 'replace' }])
    }
    const origin = await serveNode(sessions, (request, response) => {
      response.write('first ')
      request.session.set('a', 2)
      response.end('last')
    })
    const body = fetch(origin, { headers: { cookie: visitor.cookie! } }).then((response) =>
      response.text(),
    )
    return { body, visitor, store }
  }

  test('is stored before the response ends', async () => {
    const { body, visitor } = await late(false)
    expect(await body).toBe('first last')
    expect(await visitor.see((session) => session.get('a'))).toBe(2)
  })

  test('cuts the connection where it cannot be stored, so that nobody takes the response for complete', async () => {
    const { body, visitor, store } = await late(true)
    await expect(body).rejects.toThrow()
    store.play([])
    expect(await visitor.see((session) => session.get('a'))).toBe(1)
  })
})

test('a client that leaves while its session is stored harms nobody', async () => {
  const { store, hold, release } = heldStore()
  const { sessions } = place({ store })
  let closed = false
  const origin = await serveNode(sessions, (request, response) => {
    if (request.url !== '/leave') {
      response.end('here')
      return
    }
    request.session.set('a', 1)
    response.on('close', () => {
      closed = true
    })
    response.end('done')
  })
  hold()
  const asked = httpRequest(`${origin}/leave`).end()
  asked.on('error', () => undefined)
  await new Promise((resolve) => setTimeout(resolve, 50))
  asked.destroy()
  while (!closed) await new Promise((resolve) => setImmediate(resolve))
  release()
  expect(await (await fetch(origin)).text()).toBe('here')
})

test('over HTTP/2 a response is held as over HTTP/1', async () => {
  const { store, hold, release } = heldStore()
  const { sessions } = place({ store })
  const middleware = sessions.middleware()
  const server = createHttp2Server((request, response) => {
    middleware(request as never, response as never, () => {
      ;(request as unknown as Asked).session.set('a', 1)
      response.writeHead(200, { 'x-own': '1' })
      response.end('done')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  hold()
  const stream = client.request({ ':path': '/' })
  let headers: Record<string, unknown> | undefined
  stream.on('response', (received) => {
    headers = received
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(headers).toBeUndefined()
  release()
  let body = ''
  for await (const chunk of stream) body += chunk
  expect(body).toBe('done')
  expect(headers).toMatchObject({ ':status': 200, 'x-own': '1' })
  expect(headers?.['set-cookie']).toHaveLength(1)
})

test('mounted twice it is there once', async () => {
  const { sessions } = place()
  const app = express()
  app.use(sessions.middleware(), sessions.middleware())
  app.get('/', (request, response) => {
    ;(request as unknown as Asked).session.set('a', 1)
    response.send('ok')
  })
  const response = await fetch(await listen(app))
  expect(response.headers.getSetCookie()).toHaveLength(1)
})

test('what an express handler throws goes to its error handler, whose response is held, too', async () => {
  const { sessions } = place()
  const app = express()
  app.use(sessions.middleware())
  app.get('/', (request) => {
    ;(request as unknown as Asked).session.set('a', 1)
    throw new Error('oops')
  })
  app.use(
    (_error: Error, _request: express.Request, response: express.Response, _next: unknown) => {
      response.status(418).send('handled')
    },
  )
  const response = await fetch(await listen(app))
  expect([response.status, await response.text()]).toEqual([418, 'handled'])
  expect(response.headers.getSetCookie()).toHaveLength(1)
})
