import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { memoryStore, StoreError } from '@holdfast/core'
import type { Session } from '@holdfast/core/session'
import { fakeClock, faultyStore } from '@holdfast/core/testing'
import express from 'express'
import expressSession from 'express-session'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { listen, place, serveNode, user, Visitor } from './visitor.ts'

/*
 * What a handler does wrong is its own error, at once, as without sessions: an answer that is only noted must not fail
 * where nobody can catch it, since that ends the process of every visitor.
 */

type Asked = IncomingMessage & { session: Session }

let unhandled: unknown[] = []
const note = (error: unknown) => unhandled.push(error)
beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

const wrong: Record<string, (response: ServerResponse) => void> = {
  'writeHead with a line break in a value': (response) => {
    response.writeHead(302, { location: '/\r\nset-cookie: forged=1' })
  },
  'writeHead with a line break in a list': (response) => {
    response.writeHead(302, ['location', '/\r\nset-cookie: forged=1'])
  },
  'writeHead with a name that is none': (response) => {
    response.writeHead(200, { 'a b': '1' })
  },
  'writeHead without a value': (response) => {
    response.writeHead(200, { a: undefined })
  },
  'writeHead with half a list': (response) => {
    response.writeHead(200, ['a'])
  },
  'writeHead with a status that is none': (response) => {
    response.writeHead(1_000)
  },
  'writeHead with a line break in its reason': (response) => {
    response.writeHead(200, 'a\nb')
  },
  'write of null': (response) => {
    response.write(null)
  },
  'write of a number': (response) => {
    response.write(5)
  },
  'end with an object': (response) => {
    response.end({ a: 1 })
  },
  'end in an encoding that is none': (response) => {
    response.end('done', 'nope' as never)
  },
}

/** Node itself finds these out only when the headers go. */
const wrongAtLast: Record<string, (response: ServerResponse) => void> = {
  'a status code that is none': (response) => {
    response.statusCode = 9_999
    response.end('done')
  },
  'a reason with a line break': (response) => {
    response.statusMessage = 'a\nb'
    response.end('done')
  },
}

describe.each(Object.entries({ ...wrong, ...wrongAtLast }))('%s', (name, answer) => {
  test.each([false, true])('is an error of the handler; session changed: %s', async (changes) => {
    const { sessions } = place()
    const told: Error[] = []
    sessions.on('error', ({ error }) => told.push(error))
    const app = express()
    app.use(sessions.middleware())
    app.get('/', (request, response) => {
      if (changes) (request as unknown as Asked).session.set('a', 1)
      answer(response)
    })
    app.use(
      (
        error: Error,
        _request: unknown,
        response: express.Response,
        _next: express.NextFunction,
      ) => {
        response.statusMessage = ''
        response.status(500).send((error as Error & { code: string }).code)
      },
    )
    const response = await fetch(await listen(app), { redirect: 'manual' })
    const body = await response.text()
    expect(response.status).toBe(500)
    expect(response.headers.getSetCookie().filter((line) => line.startsWith('forged'))).toEqual([])
    if (changes && name in wrongAtLast) {
      // The handler has ended long ago.
      expect(body).toBe('Internal Server Error\n')
      expect(told).toHaveLength(1)
    } else {
      expect(body).toMatch(/^ERR_/)
      expect(told).toEqual([])
      expect(response.headers.getSetCookie()).toHaveLength(changes ? 1 : 0)
    }
  })
})

test('a body that is longer than it was said to be cuts the connection and is told', async () => {
  const { sessions } = place()
  const told: Error[] = []
  sessions.on('error', ({ error }) => told.push(error))
  const origin = await serveNode(sessions, (request, response) => {
    request.session.set('a', 1)
    response.strictContentLength = true
    response.setHeader('content-length', 3)
    response.write('fo')
    response.end('ur')
  })
  await expect(fetch(origin).then((response) => response.text())).rejects.toThrow()
  expect(told).toEqual([expect.objectContaining({ code: 'ERR_HTTP_CONTENT_LENGTH_MISMATCH' })])
})

test('a cookie that could not go with a wrong answer goes with the right one', async () => {
  const { sessions } = place()
  const origin = await serveNode(sessions, async (request, response) => {
    request.session.set('a', 1)
    await request.session.save()
    response.setHeader('set-cookie', 'own=1')
    response.statusCode = 9_999
    expect(() => response.end('wrong')).toThrow()
    response.statusCode = 200
    response.end('right')
  })
  const response = await fetch(origin)
  expect(await response.text()).toBe('right')
  const [own, ours, ...more] = response.headers.getSetCookie()
  expect([own, more]).toEqual(['own=1', []])
  const visitor = new Visitor(sessions, ours!.split(';')[0])
  expect(await visitor.see((session) => session.get('a'))).toBe(1)
})

test('an answer that somebody else gave while the session was read stays as it is', async () => {
  const { sessions } = place()
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('a', 1))
  const middleware = sessions.middleware()
  let handled = () => {}
  const done = new Promise<void>((resolve) => {
    handled = resolve
  })
  const origin = await listen((request, response) => {
    middleware(request, response, () => {
      ;(request as Asked).session.set('a', 2)
      response.end('late')
      handled()
    })
    response.end('early')
  })
  const response = await fetch(origin, { headers: { cookie: visitor.cookie! } })
  expect(await response.text()).toBe('early')
  await done
  await expect.poll(() => visitor.see((session) => session.get('a'))).toBe(2)
})

describe('a session that is there already', () => {
  const ask = async (...middlewares: unknown[]) => {
    const app = express()
    app.use(...(middlewares as [express.RequestHandler]))
    app.get('/', (request, response) => {
      response.send((request as unknown as Asked).session.id)
    })
    app.use(
      (
        error: Error,
        _request: unknown,
        response: express.Response,
        _next: express.NextFunction,
      ) => {
        response.status(500).send(error.message)
      },
    )
    const response = await fetch(await listen(app))
    return `${response.status} ${await response.text()}`
  }

  test('of express-session or of another createSessions is refused: it is not the one that was asked for', async () => {
    const { sessions } = place()
    const other = place({ cookie: { name: 'admin' } })
    const theirs = expressSession({
      secret: canarySecret('theirs'),
      resave: false,
      saveUninitialized: false,
    })
    expect(await ask(theirs, sessions.middleware())).toMatch(/^500 .*from another middleware/)
    expect(await ask(other.sessions.middleware(), sessions.middleware())).toMatch(/^500 /)
    expect(await ask(sessions.middleware(), sessions.middleware())).toMatch(/^200 [\w-]{43}$/)
  })
})

test('an upgrade to a WebSocket has a session to read, and its failure goes to next', async () => {
  const clock = fakeClock()
  const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
  const { sessions } = place({ clock, store })
  sessions.on('error', () => undefined)
  const visitor = new Visitor(sessions)
  await visitor.ask((session) => session.set('user_id', user))
  const middleware = sessions.middleware()
  const server = createServer().on('upgrade', (request, socket) => {
    middleware(request, {} as ServerResponse, (error) => {
      const user = error === undefined ? (request as Asked).session.get('user_id') : 'refused'
      socket.end(`HTTP/1.1 400 ${user}\r\nconnection: close\r\n\r\n`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const { request } = await import('node:http')
  const upgrade = () =>
    new Promise<string | undefined>((resolve, reject) => {
      request(`http://127.0.0.1:${port}`, {
        headers: { connection: 'upgrade', upgrade: 'websocket', cookie: visitor.cookie! },
      })
        .on('response', (response) => resolve(response.statusMessage))
        .on('error', reject)
        .end()
    })
  expect(await upgrade()).toBe(user)
  store.play([{ kind: 'reject', error: new StoreError('full', { kind: 'full' }), on: 'get' }])
  expect(await upgrade()).toBe('refused')
})
