import { expect, test } from 'vitest'
import { airportDatabase, readAirports } from './airports.ts'

const data = await readAirports()
const database = airportDatabase(data)

test('the data set is whole: thousands of airports, each in a known country, at a possible place', () => {
  expect(data.airports.size).toBe(4_517)
  for (const airport of data.airports.values()) {
    expect(airport.iata.length === 3 && airport.name !== '', airport.iata).toBe(true)
    expect(data.countries.has(airport.country), airport.iata).toBe(true)
    expect(
      Math.abs(airport.latitude) <= 90 && Math.abs(airport.longitude) <= 180,
      airport.iata,
    ).toBe(true)
  }
})

test('an airport is found by its code', async () => {
  const airport = await database.airport('KEF')
  expect(airport?.country).toBe('IS')
  expect(airport?.size).toBe('large')
  expect(await database.airport('???')).toBe(null)
})

test('the neighbours are the five nearest, nearest first', async () => {
  const neighbours = (await database.nearby('LHR')) ?? []
  expect(neighbours.length).toBe(5)
  const distances = neighbours.map(({ distanceKm }) => distanceKm)
  expect(distances).toEqual(distances.toSorted((a, b) => a - b))
  expect(neighbours.some(({ iata }) => iata === 'NHT')).toBe(true)
  expect(neighbours.some(({ iata }) => iata === 'LHR')).toBe(false)
  expect(await database.nearby('???')).toBe(null)
})

test('a country lists its own airports', async () => {
  const iceland = await database.country('IS')
  expect(iceland?.name).toBe('Iceland')
  expect(iceland?.airports.length).toBe(9)
  expect(await database.country('??')).toBe(null)
})
