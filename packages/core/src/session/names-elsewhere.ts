import { InvalidOptionError } from '../errors.ts'

/** What options of other libraries for sessions are here. */
export type NamesElsewhere = Readonly<Record<string, string>>

const life = 'write ttl, how long a session lives, or idleTimeout, how long after its last request'
const changes = 'leave it out; what has changed is stored, and what is empty is not'
const ofExpress = "it is express-session's own; write session({ store, … })"

/** express-session, cookie-session, connect-redis, iron-session, @fastify/session. */
export const sessionNames: NamesElsewhere = {
  secret: 'write secrets: [secret]',
  password: 'write secrets: [password]',
  keys: 'write secrets',
  salt: 'write secrets: [secret]',
  name: 'write cookie: { name }',
  cookieName: 'write cookie: { name }',
  cookieOptions: 'write cookie',
  maxAge: life,
  rolling: 'write idleTimeout, how long a session lives after its last request',
  resave: changes,
  saveUninitialized: changes,
  unset: changes,
  genid: 'leave it out; an id is 256 random bits',
  idGenerator: 'leave it out; an id is 256 random bits',
  proxy: 'leave it out; a cookie is Secure unless cookie.secure is false, whatever stands in front',
  client: 'write store: redisStore(client)',
}

export const cookieNames: NamesElsewhere = {
  maxAge: `it lives as long as its session; in createSessions, ${life}`,
  expires: `it ends with its session; in createSessions, ${life}`,
  httpOnly: 'leave it out; it always is',
  signed: 'leave it out; it always is',
}

export const expressNames: NamesElsewhere = {
  client: 'it takes a store as its second argument, such as redisStore(client)',
  secret: ofExpress,
  name: ofExpress,
  cookie: ofExpress,
  rolling: ofExpress,
  resave: ofExpress,
  saveUninitialized: ofExpress,
  maxAge: 'write ttl',
  disableTTL: 'leave it out; every session has an end',
}

/** @throws InvalidOptionError for an option that is known by another name here, or not needed. */
export function refuseNamesElsewhere(given: unknown, names: NamesElsewhere, where: string): void {
  for (const name of Object.keys(Object(given)))
    if (Object.hasOwn(names, name))
      throw new InvalidOptionError(`${where} has no option '${name}'; ${names[name]}`)
}
