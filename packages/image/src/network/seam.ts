import type { Socket } from 'node:net'
import type { Clock } from '@holdfast/core'

/** One answer of a look-up. */
export interface LookedUp {
  readonly address: string
  /** 4 or 6. */
  readonly family: number
}

/** Where a connection goes, after the policy has admitted the address. */
export interface DialTarget {
  readonly address: string
  readonly port: number
  /** The name that TLS will be spoken to; absent for plain http and for address literals. */
  readonly servername?: string
}

/** The two ways out of the process, and time: what `withNetwork` of `@holdfast/image/testing` replaces. */
export interface NetworkSeam {
  /** All addresses of a host name. Called once for each new connection, never for an address literal. */
  lookup(hostname: string): Promise<readonly LookedUp[]>
  /** A TCP connection, under way or established, also for https: TLS comes on top. */
  dial(target: DialTarget): Socket
  readonly clock?: Clock
}

/** Registered, so that a second installed copy of this package understands it; a symbol, so that no options type has it. */
const seamKey: unique symbol = Symbol.for('holdfast.image.network')

/** What `withNetwork` put into these options. */
export function seamOf(options: object): NetworkSeam | undefined {
  return (options as { [seamKey]?: NetworkSeam })[seamKey]
}

/** A copy of `options` that carries `seam`; a spread of it carries it on. */
export function carrySeam<Options extends object>(options: Options, seam: NetworkSeam): Options {
  return { ...options, [seamKey]: seam }
}
