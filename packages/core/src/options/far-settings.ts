import { type Codec, resolveCodec } from '../entry/codec.ts'
import { InvalidOptionError } from '../errors.ts'
import type { Bus, Store } from '../store/store.ts'
import type { ResilienceSettings } from './cache-settings.ts'
import { type Reader, reader } from './readers.ts'

/** The options that concern the far tier, as they were read. */
export interface FarParts {
  readonly store: Store | undefined
  /** `false`: none, on purpose. `undefined`: the store's own, if it has one. */
  readonly bus: Bus | false | undefined
  readonly codec: Codec | undefined
}

/** Everything that a cache with a store needs to know of it. */
export interface FarSettings extends ResilienceSettings {
  readonly store: Store
  readonly bus: Bus | false | undefined
  readonly codec: Codec
}

const has = (value: unknown, methods: readonly string[]) =>
  methods.every(
    (method) => typeof (value as Record<string, unknown> | null)?.[method] === 'function',
  )

export const readStore: Reader<Store> = reader(
  'a store: an object with the methods get, set and delete that declares its capabilities',
  (value) =>
    has(value, ['get', 'set', 'delete']) &&
    typeof (value as Store).capabilities?.maxKeyBytes === 'number',
)

export const readBus: Reader<Bus> = reader(
  'a bus: an object with the methods publish, subscribe and close',
  (value) => has(value, ['publish', 'subscribe', 'close']),
)

/** @throws InvalidOptionError for a bus that would have nothing to tell of. */
export function resolveFar(
  parts: FarParts,
  resilience: ResilienceSettings,
): FarSettings | undefined {
  const { store, bus, codec = resolveCodec() } = parts
  if (store !== undefined) return { ...resilience, store, bus, codec }
  if (bus)
    throw new InvalidOptionError(
      'bus needs a store: without one nothing is shared that it could invalidate',
    )
  return undefined
}
