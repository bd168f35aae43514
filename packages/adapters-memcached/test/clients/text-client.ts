import { connect } from 'node:net'

/** What a server, or a proxy in front of it, answers to these bytes of the classic text protocol, up to `end`. */
export function ask(port: number, request: string | Buffer, end: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      answer += chunk
      if (!end.test(answer)) return
      socket.destroy()
      resolve(answer)
    })
    socket.on('error', reject)
    socket.on('end', () => reject(new Error(`the connection was closed after: ${answer}`)))
  })
}

/** Stores all entries in one write, as other clients do. */
export async function storeAll(
  port: number,
  entries: readonly (readonly [string, string])[],
): Promise<void> {
  const requests = entries.map(
    ([key, value]) => `set ${key} 0 60 ${Buffer.byteLength(value)}\r\n${value}\r\n`,
  )
  const all = new RegExp(`^(STORED\r\n){${entries.length}}$`)
  await ask(port, requests.join(''), all)
}

/** The values of keys by the classic text protocol; what is not there is left out. */
export async function getAll(port: number, keys: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const answer = await ask(port, keys.map((key) => `get ${key}\r\n`).join(''), {
    test: (text: string) => text.split('END\r\n').length > keys.length,
  } as RegExp)
  const text = Buffer.from(answer, 'latin1').toString()
  for (const [, key, value] of text.matchAll(/VALUE (\S+) \d+ \d+\r\n(.*)\r\n/g)) {
    found.set(key!, value!)
  }
  return found
}

/** Every key a server holds, as its crawler finds them, and the Unix second in which it ends. */
export async function endsOf(port: number): Promise<Map<string, number>> {
  const dump = await ask(port, 'lru_crawler metadump all\r\n', /END\r\n$/)
  const items = dump.matchAll(/^key=(\S+) exp=(-?\d+) /gm)
  return new Map([...items].map(([, key, exp]) => [decodeURIComponent(key!), Number(exp)]))
}

/** Every key a server holds. */
export const keysOf = async (port: number): Promise<string[]> => [...(await endsOf(port)).keys()]
