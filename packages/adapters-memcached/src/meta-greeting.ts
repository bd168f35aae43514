import type { Clock } from '@holdfast/core'
import { FaultError, fault } from './connection-errors.ts'
import { ask } from './connection-provider.ts'
import type { Greeting } from './link.ts'
import { type Refuse, TextLines } from './meta-operations.ts'
import type { MetaReply } from './meta-parser.ts'
import type { Credentials } from './sasl.ts'

/** The login of the text protocol (doc/protocol.txt, "Authentication"): a `set` of any key with user and password. */
export async function metaGreeting(
  { username, password }: Credentials,
  clock: Clock,
  refuse: Refuse,
): Promise<Greeting<MetaReply>> {
  const secret = typeof password === 'function' ? await ask(password, 'password', clock) : password
  const login = `${username} ${secret}`
  const refused = new FaultError(
    fault('auth', 'the server refused the login; check username and password'),
  )
  return async (exchange) => {
    const lines = await new Promise<string[]>((resolve, reject) => {
      // Whatever the answer is, it is one line.
      const request = `set auth 0 0 ${Buffer.byteLength(login)}\r\n${login}`
      exchange(new TextLines('login', request, () => true, refuse, resolve, reject))
    })
    if (lines[0] !== 'STORED') throw refused
  }
}
