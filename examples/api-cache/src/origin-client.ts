import type { AirportApi } from './airports.ts'

/** Asks the origin over HTTP, every time. */
export function originClient(url: string): AirportApi {
  const get = async <T>(path: string): Promise<T | null> => {
    const response = await fetch(`${url}${path}`)
    const body = await response.json()
    if (response.status === 404) return null
    if (!response.ok) throw new Error(`the origin answered ${response.status}`)
    return body as T
  }
  return {
    airport: (iata) => get(`/airports/${iata}`),
    nearby: (iata) => get(`/airports/${iata}/nearby`),
    country: (code) => get(`/countries/${code}/airports`),
  }
}
