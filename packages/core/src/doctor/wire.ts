import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { keepAlive, systemClock } from '../clock.ts'

/** Where a server listens, and whether in clear. */
export interface Endpoint {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly path?: string | undefined
  readonly tls?: ConnectionOptions | true | undefined
}

export const labelOf = ({ host, port, path }: Endpoint): string =>
  path ?? `${host?.includes(':') ? `[${host}]` : host}:${port}`

/** What a parser makes of the bytes that have come: nothing yet, or a value and how many bytes it took. */
export type Parse<T> = (bytes: Buffer) => { readonly value: T; readonly used: number } | undefined

const mostBytes = 4 * 1024 * 1024

/** One connection on which one question is asked after the other, each with an end in sight. */
export class Wire {
  readonly #socket: Socket
  readonly #timeoutMs: number
  #bytes = Buffer.alloc(0)
  #failure: Error | undefined
  #wake: () => void = () => undefined

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    const end = (error?: Error) => {
      this.#failure ??= error ?? new Error('the server closed the connection')
      this.#wake()
    }
    socket.on('error', end)
    socket.on('close', () => end())
  }

  static async open(at: Endpoint, timeoutMs: number): Promise<Wire> {
    const place = at.path === undefined ? { host: at.host, port: at.port! } : { path: at.path }
    const isEncrypted = at.tls !== undefined
    const options = { minVersion: 'TLSv1.2' as const, ...(at.tls === true ? {} : at.tls) }
    const socket = isEncrypted ? connectTls({ ...options, ...place }) : connect(place)
    const wire = new Wire(socket, timeoutMs)
    let isOpen = false
    socket.once(isEncrypted ? 'secureConnect' : 'connect', () => {
      isOpen = true
      wire.#wake()
    })
    try {
      await wire.#until(() => (isOpen ? true : undefined))
    } catch (error) {
      wire.close()
      throw error
    }
    return wire
  }

  ask<T>(question: string | Buffer, parse: Parse<T>): Promise<T> {
    this.#socket.write(question)
    return this.#until(() => {
      const parsed = parse(this.#bytes)
      if (parsed === undefined) {
        if (this.#bytes.length > mostBytes) throw new Error('the answer is too long')
        return undefined
      }
      this.#bytes = this.#bytes.subarray(parsed.used)
      return parsed
    }).then(({ value }) => value)
  }

  close(): void {
    this.#socket.destroy()
  }

  #until<T extends object | true>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = systemClock.setTimeout(
        () => settle(() => reject(new Error(`no answer within ${this.#timeoutMs} ms`))),
        this.#timeoutMs,
      )
      keepAlive(timer, true)
      const settle = (end: () => void) => {
        systemClock.clearTimeout(timer)
        this.#wake = () => undefined
        end()
      }
      this.#wake = () => {
        try {
          const seen = look()
          if (seen !== undefined) settle(() => resolve(seen))
          else if (this.#failure !== undefined) settle(() => reject(this.#failure!))
        } catch (error) {
          settle(() => reject(error as Error))
        }
      }
      this.#wake()
    })
  }
}

const unknownAuthority =
  'its certificate is signed by nobody that this machine trusts; give the authority as tls.ca'

/** Why a connection or an answer did not come, in a few words and without what the server said of a login. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nobody listens there (connection refused)',
    ENOTFOUND: 'the host name is not known',
    EAI_AGAIN: 'the host name could not be looked up',
    ETIMEDOUT: 'the connect timed out',
    EHOSTUNREACH: 'there is no way to the host',
    ENOENT: 'there is no such socket',
    ECONNRESET: 'the server ended the connection; it may want TLS, or none',
    ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there',
    CERT_HAS_EXPIRED: 'its certificate has expired',
    CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock of this machine right?',
    ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; give it as tls.ca',
    SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  }
  if (code === undefined) return message
  return known[code] ?? `${code.toLowerCase().replaceAll('_', ' ')}`
}
