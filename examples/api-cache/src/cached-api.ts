import { apiKey, type Cache, type EntryOptions } from '@holdfast/core'
import type { AirportApi } from './airports.ts'

/**
 * How long each endpoint's answers are good for, in one place and by key pattern. A real service would
 * say minutes and hours; here they are seconds, so that entries grow stale while you watch.
 */
export const policies: Record<string, EntryOptions> = {
  'api:airports:*': { ttl: '2s', staleWhileRevalidate: '5s', staleIfError: '1h' },
  'api:airports:nearby:*': { ttl: '10s', staleIfError: '1h' },
  'api:countries:*': { ttl: '4s', staleWhileRevalidate: '10s', staleIfError: '1h' },
}

/** The same API as the origin's, remembered. This file is all that the cache adds to the service. */
export function cachedApi(cache: Cache, origin: AirportApi): AirportApi {
  return {
    airport: (iata) => cache.wrap(apiKey('airports', 'profile', iata), () => origin.airport(iata)),

    nearby: cache.define('nearby', {
      key: (iata: string) => apiKey('airports', 'nearby', iata),
      load: (iata: string) => origin.nearby(iata),
    }),

    country: cache.define('country', {
      key: (code: string) => apiKey('countries', 'airports', code),
      load: (code: string) => origin.country(code),
    }),
  }
}
