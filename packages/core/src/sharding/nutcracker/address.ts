import { isIPv6 } from 'node:net'

/*
 * The addresses of a nutcracker.yml, taken apart as nutcracker does: from the end, so that IPv6 addresses need no
 * brackets. Functions return a problem as text, for the caller knows the place.
 */

const largestInt = 2 ** 31 - 1
const ketamaPort = 11_211
const longestSocketPath = 107

export interface ServerAddress {
  readonly name: string
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly weight: number
}

/**
 * A number as nutcracker reads it: decimal digits only, wrapping around at 32 bits as its `int` does. `undefined` for
 * anything else, a number that wraps below 0 included.
 */
export function readInt(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined
  let value = 0
  for (const digit of text) value = (Math.imul(value, 10) + Number(digit)) | 0
  return value < 0 ? undefined : value
}

/** Whether `readInt` made another number of it than people would. */
export const wrapsAround = (text: string): boolean =>
  /^[0-9]+$/.test(text) && Number(text) > largestInt

/** `host:port:weight [name]` or `/path:weight [name]`. */
export function readServer(line: string): ServerAddress | string {
  const shape = line.startsWith('/')
    ? "'/path:weight' or '/path:weight name'"
    : "'host:port:weight' or 'host:port:weight name'"
  const space = line.lastIndexOf(' ')
  const alias = space < 0 ? undefined : line.slice(space + 1)
  const address = space < 0 ? line : line.slice(0, space)

  const weightColon = address.lastIndexOf(':')
  if (weightColon < 0) return `expected ${shape}, found no ':'`
  const weightText = address.slice(weightColon + 1)
  const before = address.slice(0, weightColon)

  const isPath = line.startsWith('/')
  const portColon = before.lastIndexOf(':')
  if (isPath !== portColon < 0) {
    return isPath
      ? `expected ${shape}; the path of a socket cannot hold a ':'`
      : `expected ${shape}, found only one ':'; every server needs a weight (write :1)`
  }

  const weight = readInt(weightText)
  if (weight === undefined) {
    return `the weight of a server must be a whole number from 1 to ${largestInt}, in ${shape}; one space before the name, none in it`
  }
  if (weight === 0)
    return 'the weight of a server must be at least 1; remove the line to take it out'

  if (isPath) return { name: alias ?? `${before}:`, path: before, weight }

  const portText = before.slice(portColon + 1)
  const host = before.slice(0, portColon)
  const port = readInt(portText)
  if (port === undefined || port < 1 || port > 65_535) {
    return `the port of a server must be a whole number from 1 to 65535, in ${shape}`
  }
  // As in libmemcached's oldest rings, the usual port is not part of a name; any other is, as it is written.
  return { name: alias ?? (port === ketamaPort ? host : before), host, port, weight }
}

/** `host:port` or `/path [mode]`: what is wrong with it, or `undefined`. */
export function listenProblem(listen: string): string | undefined {
  if (listen.startsWith('/')) {
    const space = listen.lastIndexOf(' ')
    const path = space < 0 ? listen : listen.slice(0, space)
    if (new TextEncoder().encode(path).length > longestSocketPath) {
      return `the path of a socket can have at most ${longestSocketPath} bytes`
    }
    if (space >= 0 && !isMode(listen.slice(space + 1))) {
      return 'the mode of a socket must be an octal number up to 0777'
    }
    return undefined
  }
  const colon = listen.lastIndexOf(':')
  if (colon < 0) return "listen must be 'host:port' or the path of a socket"
  const port = readInt(listen.slice(colon + 1))
  if (port === undefined || port < 1 || port > 65_535) {
    return 'the port to listen on must be a whole number from 1 to 65535'
  }
  if (!mayResolve(listen.slice(0, colon))) {
    return 'the host to listen on is neither an address nor a name that can be looked up; write 0.0.0.0 for all addresses'
  }
  return undefined
}

// nutcracker reads the mode with strtol: what follows the octal digits does not count, and no digits at all mean 0.
function isMode(text: string): boolean {
  const match = /^\s*([+-]?)([0-7]*)/.exec(text)
  const mode = Number.parseInt(match?.[2] || '0', 8)
  return mode <= 0o777 && (mode === 0 || match?.[1] !== '-')
}

// nutcracker looks the host up when it starts. Whether a name exists is not ours to ask; whether it can is.
function mayResolve(host: string): boolean {
  if (host.includes(':')) return isIPv6(host)
  if (/^[0-9.]+$/.test(host)) return isIPv4(host)
  return /^[A-Za-z0-9._-]+$/.test(host)
}

/** As the C library reads them: one to four parts, the last of which fills the bytes that are left. */
function isIPv4(host: string): boolean {
  const parts = host.split('.')
  const last = parts.pop()!
  const isPart = (part: string, most: number) => part !== '' && Number(part) <= most
  return (
    parts.length <= 3 &&
    parts.every((part) => isPart(part, 255)) &&
    isPart(last, 256 ** (4 - parts.length) - 1)
  )
}
