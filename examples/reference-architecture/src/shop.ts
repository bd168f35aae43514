import type { Cache } from '@holdfast/core'
import type { Session, Sessions } from '@holdfast/core/session'
import express, { type Express, type Request, type Response } from 'express'
import { keys, listTag, type Services } from './services.ts'

const sessionOf = (request: Request) => (request as unknown as { session: Session }).session

/** The application: it knows sessions and answers, and no server of either. */
export function createShop(sessions: Sessions, answers: Cache, services: Services): Express {
  const shop = express()
  shop.use(express.json())

  // Whoever looks at products needs no session, so none is read: these go on while Redis is away.
  shop.get('/products/:id', async (request, response) => {
    const { id } = request.params
    send(
      response,
      await answers.wrap(keys.detail(id), ({ signal }) => services.product(id, signal)),
    )
  })
  shop.get('/categories/:category', async (request, response) => {
    const { category } = request.params
    const load = ({ signal }: { signal: AbortSignal }) => services.products(category, signal)
    send(response, await answers.wrap(keys.list(category), load, { tags: [listTag(category)] }))
  })

  // From here on there is a session, or a 503 with Retry-After.
  shop.use(sessions.middleware())

  shop.post('/login', async (request, response) => {
    const session = sessionOf(request)
    // A real one would look at a password here.
    const userId = String(request.body.userId)
    await session.regenerate()
    session.set('user_id', userId)
    session.set('permissions', ['read', 'write'])
    session.set('metadata', { basket: 0 })
    response.json({ userId })
  })

  // Whoever is behind this line is somebody.
  shop.use((request, response, next) => {
    if (sessionOf(request).get('user_id') === undefined) response.status(401).json('log in first')
    else next()
  })

  shop.get('/me', async (request, response) => {
    const session = sessionOf(request)
    const userId = String(session.get('user_id'))
    const load = ({ signal }: { signal: AbortSignal }) => services.profile(userId, signal)
    const profile = await answers.wrap(keys.profile(userId), load)
    response.json({ profile, ...session.get<object>('metadata') })
  })

  shop.put('/basket', async (request, response) => {
    const session = sessionOf(request)
    const basket = Number(request.body.basket)
    // Takes its time, in which the visitor may log out.
    await services.stock('rope-1')
    session.set('metadata', { basket })
    response.json({ basket })
  })

  shop.post('/logout', async (request, response) => {
    await sessionOf(request).destroy()
    response.json('goodbye')
  })

  // "Log me out everywhere else", as after a new password.
  shop.post('/logout-others', async (request, response) => {
    const session = sessionOf(request)
    const ended = await sessions.destroyAll(String(session.get('user_id')), { except: session.id })
    response.json({ ended })
  })
  return shop
}

function send(response: Response, answer: unknown): void {
  if (answer === null) response.status(404).json('no such thing')
  else response.json(answer)
}
