import { connect } from 'node:net'

/**
 * Keep-alive connections that ask again as soon as they have been answered, over bare sockets: a client that parses
 * more would be what is measured. Each asks for the next of the paths. Resolves the requests answered within the span.
 */
export async function traffic(
  port: number,
  paths: readonly string[],
  connections: number,
  spanMs: number,
): Promise<{ readonly requests: number; readonly bodyBytes: number }> {
  const all = paths.map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`))
  let asked = 0
  const next = () => all[asked++ % all.length]!
  let requests = 0
  let bodyBytes = 0
  let isOver = false
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      let head = Buffer.alloc(0)
      let left = -1
      socket.on('error', reject)
      socket.on('close', () => resolve())
      socket.on('connect', () => socket.write(next()))
      socket.on('data', (data) => {
        let part = data
        if (left < 0) {
          head = head.length === 0 ? data : Buffer.concat([head, data])
          const end = head.indexOf('\r\n\r\n')
          if (end < 0) return
          const text = head.toString('latin1', 0, end)
          const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN)
          if (!text.startsWith('HTTP/1.1 200') || Number.isNaN(length)) {
            reject(new Error(`an answer without content: ${text.split('\r\n', 1)[0]}`))
            socket.destroy()
            return
          }
          bodyBytes = length
          left = length
          part = head.subarray(end + 4)
          head = Buffer.alloc(0)
        }
        left -= part.length
        if (left > 0) return
        left = -1
        requests++
        if (isOver) socket.destroy()
        else socket.write(next())
      })
    })
  setTimeout(() => {
    isOver = true
  }, spanMs)
  await Promise.all(Array.from({ length: connections }, one))
  return { requests, bodyBytes }
}
