import { readFile } from 'node:fs/promises'

/** An airport as the OurAirports database has it (data/LICENSE.md). */
export interface Airport {
  iata: string
  name: string
  city: string
  country: string
  latitude: number
  longitude: number
  elevationFt: number | null
  size: 'large' | 'medium'
}

export interface Neighbour {
  iata: string
  name: string
  distanceKm: number
}

export interface CountryAirports {
  code: string
  name: string
  airports: { iata: string; name: string; city: string }[]
}

/** What both services can be asked. `null` = there is no such airport or country. */
export interface AirportApi {
  airport(iata: string): Promise<Airport | null>
  nearby(iata: string): Promise<Neighbour[] | null>
  country(code: string): Promise<CountryAirports | null>
}

export interface AirportData {
  airports: Map<string, Airport>
  countries: Map<string, string>
}

export async function readAirports(): Promise<AirportData> {
  const airports = await readTable('airports.tsv')
  const countries = await readTable('countries.tsv')
  return {
    airports: new Map(airports.map((cells) => [cells[0] ?? '', toAirport(cells)])),
    countries: new Map(countries.map(([code = '', name = '']) => [code, name])),
  }
}

async function readTable(file: string): Promise<string[][]> {
  const text = await readFile(new URL(`../data/${file}`, import.meta.url), 'utf8')
  const [, ...lines] = text.trimEnd().split('\n')
  return lines.map((line) => line.split('\t'))
}

function toAirport(cells: string[]): Airport {
  const [iata = '', name = '', city = '', country = '', latitude, longitude, elevationFt, size] =
    cells
  return {
    iata,
    name,
    city,
    country,
    latitude: Number(latitude),
    longitude: Number(longitude),
    elevationFt: elevationFt ? Number(elevationFt) : null,
    size: size === 'large' ? 'large' : 'medium',
  }
}

/** The database itself: answers by looking through all of it, which is part of why asking is expensive. */
export function airportDatabase({ airports, countries }: AirportData): AirportApi {
  return {
    async airport(iata) {
      return airports.get(iata) ?? null
    },
    async nearby(iata) {
      const from = airports.get(iata)
      if (from === undefined) return null
      return nearest(from, airports.values(), 5)
    },
    async country(code) {
      const name = countries.get(code)
      if (name === undefined) return null
      const inside = [...airports.values()].filter((airport) => airport.country === code)
      return {
        code,
        name,
        airports: inside.map(({ iata, name, city }) => ({ iata, name, city })),
      }
    },
  }
}

/** The nearest few, nearest first, in one pass. */
function nearest(from: Airport, airports: Iterable<Airport>, few: number): Neighbour[] {
  const found: Neighbour[] = []
  for (const to of airports) {
    if (to === from) continue
    const km = distanceKm(from, to)
    const place = found.findIndex((neighbour) => km < neighbour.distanceKm)
    if (place === -1 && found.length === few) continue
    found.splice(place === -1 ? found.length : place, 0, {
      iata: to.iata,
      name: to.name,
      distanceKm: km,
    })
    found.length = Math.min(found.length, few)
  }
  return found
}

interface Place {
  latitude: number
  longitude: number
}

/** Great-circle distance by the haversine formula on a sphere of 6,371 km. */
function distanceKm(from: Place, to: Place): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180
  const north = Math.sin(radians(to.latitude - from.latitude) / 2) ** 2
  const east = Math.sin(radians(to.longitude - from.longitude) / 2) ** 2
  const narrowing = Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude))
  return Math.round(2 * 6_371 * Math.asin(Math.sqrt(north + narrowing * east)))
}
