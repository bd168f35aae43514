import { expect, it } from 'vitest'
import type { Flight } from './flight.ts'
import { Flights } from './flights.ts'

it('counts the flights and nothing else', () => {
  const flights = new Flights()
  expect(flights.size).toBe(0)
  flights.set('key', {} as Flight)
  expect(flights.size).toBe(1)
  flights.delete('key')
  expect(flights.size).toBe(0)
  flights.set('key', {} as Flight)
  flights.clear()
  expect(flights.size).toBe(0)
  expect(flights.get('key')).toBeUndefined()
})
