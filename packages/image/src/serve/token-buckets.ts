import type { Clock } from '@holdfast/core'

interface Bucket {
  tokens: number
  filledAt: number
}

/**
 * A token bucket for each client: `burst` requests at once, `perSecond` in the long run. The clients are a bounded
 * list: of more than `clients` the one seen longest ago starts anew.
 */
export class TokenBuckets {
  readonly #clock: Clock
  readonly #perMs: number
  readonly #burst: number
  readonly #mostClients: number
  /** A Map keeps the order of insertion, and every use inserts again. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(
    clock: Clock,
    options: { readonly perSecond: number; readonly burst: number; readonly clients: number },
  ) {
    this.#clock = clock
    this.#perMs = options.perSecond / 1_000
    this.#burst = options.burst
    this.#mostClients = options.clients
  }

  get clients(): number {
    return this.#buckets.size
  }

  /** Takes a token. Without one: how long to wait for it, in milliseconds. */
  take(client: string): number {
    const now = this.#clock.monotonic()
    const bucket = this.#buckets.get(client) ?? { tokens: this.#burst, filledAt: now }
    this.#buckets.delete(client)
    this.#buckets.set(client, bucket)
    if (this.#buckets.size > this.#mostClients) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.filledAt) * this.#perMs)
    bucket.filledAt = now
    // Fractions add up to not quite a whole.
    if (bucket.tokens >= 1 - 1e-9) {
      bucket.tokens -= 1
      return 0
    }
    return (1 - bucket.tokens) / this.#perMs
  }
}

/** A client by its address: of IPv6 the network that one customer is given, which has more addresses than this list. */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return ''
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  if (!address.includes(':')) return address
  const [before = '', after] = address.split('%', 1)[0]!.toLowerCase().split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros =
    after === undefined ? [] : Array(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`
}
