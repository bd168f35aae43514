import type { Clock } from '@holdfast/core'
import { passwordNow } from '@holdfast/core/adapter'
import { FaultError, fault, ProtocolFault } from './connection-errors.ts'
import { Operation } from './connection-queue.ts'
import type { Greeting } from './link.ts'
import { refusalOf } from './meta-errors.ts'
import type { MetaReply } from './meta-parser.ts'
import type { Credentials } from './sasl.ts'

type Exchange = Parameters<Greeting<MetaReply>>[0]

/** One request of a greeting. */
class Said extends Operation<MetaReply> {
  readonly name = 'connect'
  readonly #request: Buffer
  readonly #done: (reply: MetaReply) => void

  constructor(request: string, done: (reply: MetaReply) => void) {
    super()
    this.#request = Buffer.from(request)
    this.#done = done
  }

  get requestBytes(): number {
    return this.#request.length
  }

  encode(): Uint8Array {
    return this.#request
  }

  take(reply: MetaReply): boolean {
    this.#done({ ...reply })
    return true
  }

  fail(): void {}
}

const say = (exchange: Exchange, request: string) =>
  new Promise<MetaReply>((resolve) => {
    exchange(new Said(request, resolve))
  })

/**
 * A get of a key that nobody has, with every flag that is used later. A server that does not know `ms` would take the
 * lines of a value for commands, so none is sent before this is answered. Longer than the header of the binary protocol,
 * so that a server which speaks that alone need not wait for the rest.
 */
const hello = 'mg ~hf:is-this-meta v f c O1\r\n'

/** Says who asks, where there is somebody, and asks whether the server speaks meta. */
export async function metaGreeting(
  credentials: Credentials | undefined,
  clock: Clock,
  ending: AbortSignal,
): Promise<Greeting<MetaReply>> {
  const login =
    credentials &&
    loginOf(credentials.username, await passwordNow(credentials.password, clock, ending))
  return async (exchange) => {
    if (login !== undefined) {
      const reply = await say(exchange, login)
      if (reply.text !== 'STORED') {
        const reason = 'the server refused the login; check username and password'
        throw new FaultError(fault('auth', reason))
      }
    }
    const reply = await say(exchange, hello)
    if (reply.kind === 'line') throw new FaultError(refusalOf(reply.text))
    // Servers before 1.6.13 leave the number out of a miss.
    if (reply.kind !== 'EN' || (reply.opaque !== 1 && reply.opaque !== -1)) {
      throw new ProtocolFault('the server answered something else than what it was asked')
    }
  }
}

/**
 * The login of the text protocol (doc/protocol.txt, "Authentication"): a `set` of any key with user and password. Where
 * the server knows no logins it would be stored, so it is over at once.
 */
function loginOf(username: string, password: string): string {
  const login = `${username} ${password}`
  return `set auth 0 -1 ${Buffer.byteLength(login)}\r\n${login}\r\n`
}
