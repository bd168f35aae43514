import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

/** One case of `fixtures/bad-input.json`: what is given, and what has to come of it. */
export interface BadInputCase {
  readonly id: string
  readonly stage: string
  readonly rule: string
  readonly why?: string
  readonly given: {
    readonly url?: string
    readonly config?: Partial<BadInputConfig>
    readonly dns?: Record<string, readonly (readonly string[])[]>
    readonly hops?: Record<string, BadInputAnswer>
    readonly headers?: Record<string, string>
    readonly body?: string
    readonly mode?: string
    readonly status?: number
    readonly calls?: number
  }
  readonly expect: {
    readonly outcome?: 'allow' | 'reject'
    readonly reason?: string
    readonly dial?: string
    readonly dials?: readonly string[]
    readonly notDialled?: readonly string[]
    readonly lookups?: number
    readonly type?: string
    readonly absent?: readonly string[]
    readonly maxBodyBytesRead?: number
  }
}

export interface BadInputAnswer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly mode?: string
}

export interface BadInputConfig {
  readonly origins: '*' | readonly string[]
  readonly schemes: readonly string[]
  readonly ports: readonly number[]
  readonly maxRedirects: number
  readonly maxBytes: number
  readonly maxPixels: number
  readonly maxDimension: number
  readonly deadlineMs: number
  readonly allowPrivate: readonly string[]
}

interface Body {
  readonly b64?: string
  readonly fill?: string
  readonly times?: number
  readonly gzip?: Body
}

export interface BadInput {
  readonly base: BadInputConfig
  readonly bodies: Record<string, Body>
  readonly cases: readonly BadInputCase[]
}

export function badInput(): BadInput {
  const file = new URL('./fixtures/bad-input.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as BadInput
}

export function bodyOf(body: Body): Buffer {
  if (body.gzip !== undefined) return gzipSync(bodyOf(body.gzip))
  if (body.b64 !== undefined) return Buffer.from(body.b64, 'base64')
  return Buffer.alloc(body.times ?? 0, Buffer.from(body.fill ?? '', 'hex'))
}

/** Sends an answer the way its mode says: whole, in pieces, cut, dripping, or not at all. */
export function send(answer: BadInputAnswer, body: Buffer, response: ServerResponse): void {
  const [mode = 'length', detail = ''] = (answer.mode ?? 'length').split(':')
  const amount = Number(detail)
  if (mode === 'silent') return
  const isChunked = mode.startsWith('chunked')
  const length = isChunked ? {} : { 'content-length': String(body.byteLength) }
  response.writeHead(answer.status ?? 200, { ...length, ...answer.headers })
  if (mode === 'cut' || mode === 'chunked-abort') {
    response.write(body.subarray(0, amount), () => response.destroy())
  } else if (mode === 'drip') {
    response.flushHeaders()
    let sent = 0
    const timer = setInterval(() => response.write(body.subarray(sent, ++sent)), amount)
    response.on('close', () => clearInterval(timer))
  } else {
    response.end(body)
  }
}
