import type { Meter, Tracer } from '@opentelemetry/api'
import { expectTypeOf, test } from 'vitest'
import type { MeterLike, TracerLike } from './open-telemetry.ts'

test('meters and tracers of @opentelemetry/api fit as they are', () => {
  expectTypeOf<Meter>().toExtend<MeterLike>()
  expectTypeOf<Tracer>().toExtend<TracerLike>()
})
