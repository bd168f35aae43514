import { InvalidOptionError } from '@holdfast/core'
import { unmet } from '@holdfast/core/adapter'
import { readObject } from '../network/option-values.ts'
import type { Exposure } from './image-answers.ts'
import { checkPair, type SigningPair } from './sign-url.ts'

export interface SigningOptions {
  /** Any of them may have signed; the first is the newest. */
  readonly pairs: readonly SigningPair[]
  /** Whether every request must be signed. Default `true`. */
  readonly required?: boolean | undefined
}

export interface ThrottleOptions {
  /** Requests a second in the long run. */
  readonly perSecond: number
  /** Requests at once. Default: as many as a second has. */
  readonly burst?: number | undefined
  /** Of how many clients is remembered what they asked. Default 10,000. */
  readonly clients?: number | undefined
  /** Who asks. Default: the address at the other end of the connection, of IPv6 its /64; behind a proxy that is the proxy. */
  readonly client?: ((request: Request) => string) | undefined
}

export interface ImageHandlerOptions {
  readonly signing?: SigningOptions | undefined
  /** Asked before anything is read; anything but `true` is a 403. */
  readonly authorize?: ((request: Request) => boolean | Promise<boolean>) | undefined
  /**
   * What answers tell of the cache: `Age` and `Cache-Status`, unless `false`; and, if asked for, the tags of an image
   * as `Cache-Tag` and `Surrogate-Key`, for a CDN in front.
   */
  readonly expose?:
    | boolean
    | {
        readonly age?: boolean | undefined
        readonly cacheStatus?: boolean | undefined
        readonly tags?: boolean | undefined
      }
    | undefined
  /** A token bucket per client; past it a request is a 429 before anything is read. Default: none. */
  readonly throttle?: ThrottleOptions | undefined
  /** Which variant a request wants. Default: the original. */
  readonly variant?: ((request: Request) => string | undefined) | undefined
  /** The path under which the handler stands, for signatures. Default `'/'`. */
  readonly base?: string | undefined
}

export interface HandlerSettings {
  readonly signing:
    | { readonly pairs: readonly SigningPair[]; readonly required: boolean }
    | undefined
  readonly authorize: ImageHandlerOptions['authorize']
  readonly exposure: Exposure
  readonly throttle:
    | {
        readonly perSecond: number
        readonly burst: number
        readonly clients: number
        readonly client: ThrottleOptions['client']
      }
    | undefined
  readonly variant: ImageHandlerOptions['variant']
  /** Without a slash at its end. */
  readonly base: string
}

const known = ['signing', 'authorize', 'expose', 'throttle', 'variant', 'base']

/** @throws InvalidOptionError naming the option's path */
export function readHandlerOptions(options: ImageHandlerOptions): HandlerSettings {
  const given = readObject(options, known, 'createImageHandler(images, options)')
  const { signing, authorize, expose, throttle, variant, base = '/' } = given as ImageHandlerOptions
  if (typeof base !== 'string' || !base.startsWith('/'))
    throw unmet('base', "a path such as '/images'", base)
  return {
    signing: signing === undefined ? undefined : readSigning(signing),
    authorize: readFunction(authorize, 'authorize'),
    exposure: readExposure(expose ?? true),
    throttle: throttle === undefined ? undefined : readThrottle(throttle),
    variant: readFunction(variant, 'variant'),
    base: base.replace(/\/+$/, ''),
  }
}

function readSigning(value: SigningOptions): NonNullable<HandlerSettings['signing']> {
  const { pairs, required = true } = readObject(
    value,
    ['pairs', 'required'],
    'signing',
  ) as Partial<SigningOptions>
  if (typeof required !== 'boolean') throw unmet('signing.required', 'true or false', required)
  if (!Array.isArray(pairs) || pairs.length === 0) {
    throw new InvalidOptionError(
      'signing.pairs must be a list with at least one { key, salt }: without a key every signature would be wrong, or none asked for',
    )
  }
  return {
    pairs: pairs.map((pair: SigningPair, place) => ({
      ...checkPair(pair, `signing.pairs[${place}]`),
    })),
    required,
  }
}

function readExposure(value: NonNullable<ImageHandlerOptions['expose']>): Exposure {
  if (typeof value === 'boolean') return { age: value, cacheStatus: value, tags: false }
  const given = readObject(value, ['age', 'cacheStatus', 'tags'], 'expose')
  const read = (name: string, otherwise: boolean) => {
    const flag = given[name] ?? otherwise
    if (typeof flag !== 'boolean') throw unmet(`expose.${name}`, 'true or false', flag)
    return flag
  }
  return {
    age: read('age', true),
    cacheStatus: read('cacheStatus', true),
    tags: read('tags', false),
  }
}

function readThrottle(value: ThrottleOptions): NonNullable<HandlerSettings['throttle']> {
  const names = ['perSecond', 'burst', 'clients', 'client']
  const given = readObject(value, names, 'throttle') as Partial<ThrottleOptions>
  const positive = (name: 'perSecond' | 'burst' | 'clients', least: number, otherwise?: number) => {
    const number: unknown = given[name] ?? otherwise
    if (typeof number === 'number' && number >= least && number < Number.POSITIVE_INFINITY)
      return number
    throw unmet(`throttle.${name}`, `a finite number from ${least}`, number)
  }
  const perSecond = positive('perSecond', 0.001)
  return {
    perSecond,
    burst: positive('burst', 1, Math.max(1, perSecond)),
    clients: positive('clients', 1, 10_000),
    client: readFunction(given.client, 'throttle.client'),
  }
}

function readFunction<F>(value: F | undefined, path: string): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw unmet(path, 'a function', value)
}
