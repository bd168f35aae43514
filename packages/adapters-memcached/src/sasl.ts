import type { PasswordSetting } from '@holdfast/core/adapter'
import { encodeRequests, opcodes, type Packet, statuses } from './binary-packet.ts'
import { FaultError, fault, ProtocolFault } from './connection-errors.ts'
import { Operation } from './connection-queue.ts'
import type { Greeting } from './link.ts'

export interface Credentials {
  readonly username: string
  readonly password: PasswordSetting
}

/**
 * Two ends of line. A server that understands text alone takes the bytes of a request for a command, and would wait for
 * its end for ever; with these in the place of the opaque it finds one, and says that it understands nothing.
 */
const opaque = 0x0d0a0d0a

/** One request of a greeting. */
class GreetingOperation extends Operation<Packet> {
  readonly name = 'connect'
  readonly #request: Buffer
  readonly #opcode: number
  readonly #done: (status: number) => void

  constructor(opcode: number, request: Buffer, done: (status: number) => void) {
    super()
    this.#opcode = opcode
    this.#request = request
    this.#done = done
  }

  get requestBytes(): number {
    return this.#request.length
  }

  encode(): Uint8Array {
    return this.#request
  }

  take(packet: Packet): boolean {
    if (packet.opaque !== opaque || packet.opcode !== this.#opcode) {
      throw new ProtocolFault('the server answered something else than what it was asked')
    }
    this.#done(packet.status)
    return true
  }

  fail(): void {}
}

/** Asks for a sign of life, or, where there is a login, whether it is accepted (SASL PLAIN, RFC 4616). */
export function binaryGreeting(
  login: { username: string; password: string } | undefined,
): Greeting<Packet> {
  return async (exchange) => {
    const status = await new Promise<number>((resolve) => {
      const opcode = login === undefined ? opcodes.noop : opcodes.saslAuth
      const request =
        login === undefined
          ? { opcode, opaque }
          : { opcode, opaque, key: 'PLAIN', value: plainMessage(login) }
      exchange(new GreetingOperation(opcode, encodeRequests([request]), resolve))
    })
    if (status === statuses.ok) return
    throw new FaultError(fault('auth', refusalOfLogin(status, login !== undefined)))
  }
}

function refusalOfLogin(status: number, hasLogin: boolean): string {
  if (!hasLogin) {
    return status === statuses.unauthenticated
      ? 'the server wants a login; set username and password'
      : `the server refused the connection with status 0x${status.toString(16)}`
  }
  if (status === statuses.unknownCommand) {
    return 'the server knows no logins (its -S is not set); leave out username and password'
  }
  return 'the server refused the login; check username and password'
}

const plainMessage = ({ username, password }: { username: string; password: string }) =>
  Buffer.from(`\0${username}\0${password}`, 'utf8')
