import type { Socket } from 'node:net'
import type { LaneFaults, ReplyFault } from './fault-scenarios.ts'
import { splitFrames } from './resp.ts'

/** Where the replies of a protocol end. */
export type Framing = 'resp' | 'memcached-binary' | 'memcached-meta'

const splitters: Record<Framing, (bytes: Buffer) => { frames: Buffer[]; rest: Buffer }> = {
  resp: splitFrames,
  'memcached-binary': splitPackets,
  'memcached-meta': splitLines,
}

/** The binary protocol has a head of 24 bytes, the length of the rest in bytes 8 to 11. */
function splitPackets(bytes: Buffer): { frames: Buffer[]; rest: Buffer } {
  const frames: Buffer[] = []
  let at = 0
  while (at + 24 <= bytes.length) {
    const end = at + 24 + bytes.readUInt32BE(at + 8)
    if (end > bytes.length) break
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return { frames, rest: bytes.subarray(at) }
}

/** The meta protocol has lines; those that begin with VA or VALUE say how long the value is that follows them. */
function splitLines(bytes: Buffer): { frames: Buffer[]; rest: Buffer } {
  const frames: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) break
    const value = /^VA(?:LUE \S+ \d+)? (\d+)/.exec(bytes.toString('latin1', at, lineEnd))
    const end = lineEnd + 2 + (value === null ? 0 : Number(value[1]) + 2)
    if (end > bytes.length) break
    frames.push(bytes.subarray(at, end))
    at = end
  }
  return { frames, rest: bytes.subarray(at) }
}

/** Bytes no protocol knows, with a length that no client should believe. */
const garbage = Buffer.from('\u00ff!!garbage!!\r\n$1073741824\r\n', 'latin1')

interface Piece {
  readonly bytes: Buffer
  readonly lateMs: number
  readonly after?: 'reset' | 'silence'
}

export interface LaneOptions {
  readonly to: Socket
  faults(): LaneFaults
  readonly framing: Framing | undefined
  random(): number
  /** Resets both sides. */
  reset(): void
  close(): void
}

/** One direction of one connection. Whatever is done to its pieces, those that arrive arrive in their order. */
export class Lane {
  readonly #options: LaneOptions
  #faults: LaneFaults
  #unframed: Buffer = Buffer.alloc(0)
  #replies = 0
  #bytes = 0
  #silent = false
  #swapped: Buffer | undefined
  #tail: Promise<void> = Promise.resolve()

  constructor(options: LaneOptions) {
    this.#options = options
    this.#faults = options.faults()
  }

  feed(chunk: Buffer): void {
    this.#follow()
    // Framing goes on while faults come and go, or a later fault would begin in the middle of a reply.
    const whole = this.#options.framing === undefined ? [chunk] : this.#frames(chunk)
    for (const piece of this.#strike(whole)) this.#pass(piece)
  }

  /** The side this lane comes from has ended. */
  end(): void {
    const { slowCloseMs = 0 } = this.#faults
    this.#tail = this.#tail.then(async () => {
      if (slowCloseMs > 0) await sleep(slowCloseMs)
      this.#options.to.end()
    })
  }

  /** Starts counting anew when the scenario has changed. */
  #follow(): void {
    const faults = this.#options.faults()
    if (faults === this.#faults) return
    this.#faults = faults
    this.#replies = 0
    this.#bytes = 0
    this.#silent = false
  }

  #frames(chunk: Buffer): Buffer[] {
    const { frames, rest } = splitters[this.#options.framing!](
      this.#unframed.length === 0 ? chunk : Buffer.concat([this.#unframed, chunk]),
    )
    this.#unframed = rest
    return frames
  }

  #strike(frames: readonly Buffer[]): Piece[] {
    const faults = this.#faults.replies
    if (faults === undefined) {
      return frames.length === 0 ? [] : [{ bytes: Buffer.concat(frames), lateMs: 0 }]
    }
    const pieces: Piece[] = []
    for (const bytes of frames) {
      const nth = ++this.#replies
      pieces.push(
        ...this.#strikeOne(
          bytes,
          faults.find((fault) => strikes(fault, nth)),
        ),
      )
    }
    return pieces
  }

  #strikeOne(bytes: Buffer, fault: ReplyFault | undefined): Piece[] {
    const half = bytes.subarray(0, Math.ceil(bytes.length / 2))
    switch (fault?.kind) {
      case 'drop':
        return []
      case 'half':
        return [{ bytes: half, lateMs: 0, after: 'silence' }]
      case 'reset':
        return [{ bytes: half, lateMs: 0, after: 'reset' }]
      case 'garbage':
        return [{ bytes: garbage, lateMs: 0 }]
      case 'delay':
        return [{ bytes, lateMs: fault.ms ?? 0 }]
      case 'swap':
        this.#swapped = bytes
        return []
      default: {
        const before = this.#swapped
        this.#swapped = undefined
        return [bytes, before]
          .filter((each) => each !== undefined)
          .map((each) => ({ bytes: each, lateMs: 0 }))
      }
    }
  }

  #pass({ bytes, lateMs, after }: Piece): void {
    const { latencyMs = 0, jitterMs = 0, resetAfterBytes, closeAfterBytes } = this.#faults
    if (this.#silent || this.#faults.silent === true) return
    if (after === 'silence') this.#silent = true
    this.#bytes += bytes.length
    const dueAt = performance.now() + latencyMs + jitterMs * this.#options.random() + lateMs
    const faults = this.#faults
    const ends =
      after === 'reset' || (resetAfterBytes !== undefined && this.#bytes > resetAfterBytes)
        ? this.#options.reset
        : closeAfterBytes !== undefined && this.#bytes > closeAfterBytes
          ? this.#options.close
          : undefined
    this.#tail = this.#tail.then(async () => {
      const remainingMs = dueAt - performance.now()
      if (remainingMs > 0) await sleep(remainingMs)
      // A cut at a byte count delivers nothing of the piece that went over it.
      if (ends === undefined || after === 'reset') await this.#write(bytes, faults)
      ends?.()
    })
  }

  async #write(bytes: Buffer, { slice, bytesPerSecond }: LaneFaults): Promise<void> {
    const { to } = this.#options
    const step = slice?.bytes ?? (bytesPerSecond ? Math.max(1, bytesPerSecond / 50) : bytes.length)
    const pauseMs = slice?.pauseMs ?? (bytesPerSecond ? 20 : 0)
    for (let at = 0; at < bytes.length && !to.destroyed; at += step) {
      const piece = bytes.subarray(at, at + step)
      if (!to.write(piece)) await drained(to)
      if (pauseMs > 0) await sleep(pauseMs)
    }
  }
}

function strikes({ nth }: ReplyFault, reply: number): boolean {
  return typeof nth === 'number' ? reply === nth : reply % nth.every === 0
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())

const drained = (socket: Socket) =>
  new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
