import { type Endpoint, type Parse, Wire } from './wire.ts'

export type RedisReply = string | number | undefined | readonly RedisReply[] | RedisRefusal

/** An error of the server, by its first word: what follows may quote what was sent. */
export class RedisRefusal {
  readonly word: string

  constructor(line: string) {
    this.word = /^[A-Z]+/.exec(line)?.[0] ?? 'ERR'
  }
}

export interface RedisLogin {
  readonly username?: string | undefined
  readonly password?: string | (() => string | Promise<string>) | undefined
}

/** A connection that is logged in. */
export class RedisWire {
  readonly #wire: Wire

  private constructor(wire: Wire) {
    this.#wire = wire
  }

  /** @throws Error, as a rejection, that says why in plain words and holds no password. */
  static async open(at: Endpoint, login: RedisLogin, timeoutMs: number): Promise<RedisWire> {
    const connection = new RedisWire(await Wire.open(at, timeoutMs))
    const { username, password } = login
    if (password === undefined) return connection
    const secret = typeof password === 'function' ? await password() : password
    const reply = await connection.ask(
      'AUTH',
      ...(username === undefined ? [] : [username]),
      secret,
    )
    if (!(reply instanceof RedisRefusal)) return connection
    connection.close()
    throw new Error(
      reply.word === 'ERR'
        ? 'it has no password set, and one was given'
        : 'it refuses the user name or the password',
    )
  }

  ask(...command: readonly string[]): Promise<RedisReply> {
    const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
    return this.#wire.ask(`*${command.length}\r\n${parts.join('')}`, parseReply)
  }

  /** The fields of an INFO reply; nothing of one that is refused. */
  async info(): Promise<Readonly<Record<string, string>>> {
    const reply = await this.ask('INFO')
    if (typeof reply !== 'string') return {}
    return Object.fromEntries(
      reply.split('\r\n').flatMap((line) => {
        const colon = line.indexOf(':')
        return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]]
      }),
    )
  }

  /** A setting, where the server tells it: managed services do not. */
  async setting(name: string): Promise<string | undefined> {
    const reply = await this.ask('CONFIG', 'GET', name)
    return Array.isArray(reply) ? (reply[1] as string | undefined) : undefined
  }

  close(): void {
    this.#wire.close()
  }
}

const parseReply: Parse<RedisReply> = (bytes) => parseAt(bytes, 0)

function parseAt(bytes: Buffer, start: number): ReturnType<Parse<RedisReply>> {
  const end = bytes.indexOf('\r\n', start)
  if (end === -1) return undefined
  const line = bytes.toString('utf8', start + 1, end)
  const used = end + 2
  switch (String.fromCharCode(bytes[start]!)) {
    case '+':
      return { value: line, used }
    case '-':
      return { value: new RedisRefusal(line), used }
    case ':':
      return { value: Number(line), used }
    case '$': {
      const length = Number(line)
      if (length < 0) return { value: undefined, used }
      if (bytes.length < used + length + 2) return undefined
      return { value: bytes.toString('utf8', used, used + length), used: used + length + 2 }
    }
    case '*': {
      if (line.startsWith('-')) return { value: undefined, used }
      const items: RedisReply[] = []
      let at = used
      for (let left = Number(line); left > 0; left--) {
        const item = parseAt(bytes, at)
        if (item === undefined) return undefined
        items.push(item.value)
        at = item.used
      }
      return { value: items, used: at }
    }
    default:
      throw new Error('it does not speak the protocol of Redis')
  }
}
