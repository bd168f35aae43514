import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Flight } from './flight.ts'
import { Flights } from './flights.ts'

const flightOf = (nearKey: string) => ({ nearKey }) as Flight

it('is a map of flights by key, whether one is under way or many', () => {
  const key = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('set' as const, 'delete' as const), key }),
    fc.record({ kind: fc.constant('clear' as const), key }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const flights = new Flights()
      const map = new Map<string, Flight>()
      for (const { kind, key } of steps) {
        if (kind === 'set') {
          const flight = flightOf(key)
          flights.set(key, flight)
          map.set(key, flight)
        } else if (kind === 'delete') {
          flights.delete(key)
          map.delete(key)
        } else {
          flights.clear()
          map.clear()
        }
        expect(flights.size).toBe(map.size)
        for (const each of ['a', 'b', 'c']) expect(flights.get(each)).toBe(map.get(each))
      }
    }),
  )
})
