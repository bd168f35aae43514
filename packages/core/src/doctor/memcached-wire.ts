import { type Endpoint, type Parse, Wire } from './wire.ts'

const parseLine: Parse<string> = (bytes) => {
  const end = bytes.indexOf('\r\n')
  return end === -1 ? undefined : { value: bytes.toString('utf8', 0, end), used: end + 2 }
}

const parseStats: Parse<Readonly<Record<string, string>>> = (bytes) => {
  const text = bytes.toString('utf8')
  const end = /^(?:END|RESET|ERROR|CLIENT_ERROR.*|SERVER_ERROR.*)\r\n/m.exec(text)
  if (end === null) return undefined
  const fields = [...text.matchAll(/^STAT (\S+) (.*)\r$/gm)].map(([, name, value]) => [name, value])
  return { value: Object.fromEntries(fields), used: end.index + end[0].length }
}

/** The text protocol of memcached, as far as a doctor needs it. */
export class MemcachedWire {
  readonly #wire: Wire

  private constructor(wire: Wire) {
    this.#wire = wire
  }

  /** @throws Error, as a rejection, that says why in plain words and holds no password. */
  static async open(
    at: Endpoint,
    login: { readonly username: string; readonly password: string } | undefined,
    timeoutMs: number,
  ): Promise<MemcachedWire> {
    const wire = await Wire.open(at, timeoutMs)
    if (login !== undefined) {
      const token = `${login.username} ${login.password}`
      const reply = await wire.ask(
        `set login 0 0 ${Buffer.byteLength(token)}\r\n${token}\r\n`,
        parseLine,
      )
      if (reply !== 'STORED') {
        wire.close()
        throw new Error('it refuses the user name or the password')
      }
    }
    return new MemcachedWire(wire)
  }

  async version(): Promise<string | undefined> {
    return /^VERSION (\S+)/.exec(await this.#wire.ask('version\r\n', parseLine))?.[1]
  }

  stats(of = ''): Promise<Readonly<Record<string, string>>> {
    return this.#wire.ask(`stats${of === '' ? '' : ` ${of}`}\r\n`, parseStats)
  }

  close(): void {
    this.#wire.close()
  }
}
