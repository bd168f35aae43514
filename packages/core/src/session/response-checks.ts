import {
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http'

/** What `writeHead` takes: an object, a flat list, or a list of pairs. */
export type GivenHeaders = OutgoingHttpHeaders | readonly OutgoingHttpHeader[]

/*
 * Node refuses a wrong status, header or chunk when it is given. What is only noted has to be refused then, too: later
 * nobody is there who could catch it.
 */

/** @throws TypeError and RangeError, with Node's codes */
export function checkHead(
  status: number,
  reason: string | undefined,
  headers: GivenHeaders | undefined,
): void {
  const code = Math.trunc(status)
  if (!(code >= 100 && code <= 999))
    throw Object.assign(new RangeError(`Invalid status code: ${String(status).slice(0, 20)}`), {
      code: 'ERR_HTTP_INVALID_STATUS_CODE',
    })
  if (reason !== undefined && /[^\t\x20-\x7e\x80-\xff]/.test(reason))
    throw coded('ERR_INVALID_CHAR', 'Invalid character in statusMessage')
  if (headers === undefined) return
  if (Array.isArray(headers) && !Array.isArray(headers[0]) && headers.length % 2 !== 0)
    throw coded('ERR_INVALID_ARG_VALUE', 'a flat list of headers must have a value for each name')
  for (const [name, value] of headerPairs(headers)) {
    validateHeaderName(name)
    validateHeaderValue(name, value as string)
  }
}

/** @throws TypeError with a code of Node's */
export function checkChunk(chunk: unknown, encoding: unknown): void {
  if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))
    throw coded(
      'ERR_INVALID_ARG_TYPE',
      `a chunk of a response must be a string, a Buffer or a Uint8Array, not ${chunk === null ? 'null' : `of type ${typeof chunk}`}`,
    )
  if (typeof chunk === 'string' && typeof encoding === 'string' && !isEncoding(encoding))
    throw coded('ERR_UNKNOWN_ENCODING', 'the encoding of a chunk is not known')
}

export function headerPairs(headers: GivenHeaders): [string, OutgoingHttpHeader | undefined][] {
  if (!Array.isArray(headers)) return Object.entries(headers)
  if (Array.isArray(headers[0])) return headers as unknown as [string, string][]
  const list: [string, OutgoingHttpHeader][] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    list.push([String(headers[at]), headers[at + 1] as OutgoingHttpHeader])
  }
  return list
}

/** Of what Node's own streams take, '' and 'buffer' are no encodings. */
const isEncoding = (name: string) => name === '' || name === 'buffer' || Buffer.isEncoding(name)

const coded = (code: string, message: string) => Object.assign(new TypeError(message), { code })
