/** For tests: a clock and a cache for users of a cache, conformance suites and faults for authors of stores. */
export { type BusConformanceOptions, type BusOnTrial, busConformance } from './bus-conformance.ts'
export type { ConformanceCase, ConformanceOutcome } from './conformance-case.ts'
export {
  type FakeCache,
  type FakeCacheOptions,
  fakeCache,
} from './fake-cache.ts'
export type { FakeCall, FakeOperation } from './fake-calls.ts'
export { type FakeClock, type FakeClockOptions, fakeClock } from './fake-clock.ts'
export type { FaultTiming } from './faults.ts'
export { type BusFault, type BusFaultScript, type FaultyBus, faultyBus } from './faulty-bus.ts'
export {
  type FaultyStore,
  faultyStore,
  type StoreFault,
  type StoreFaultKind,
  type StoreFaultScript,
  type StoreOperation,
} from './faulty-store.ts'
export { type OptionalMethod, optionalMethods } from './store-case.ts'
export {
  type StoreConformanceOptions,
  type StoreOnTrial,
  storeConformance,
} from './store-conformance.ts'
