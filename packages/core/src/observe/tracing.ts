import type { LoadEvent, LoadReason } from './events.ts'

/** Who draws spans around calls and loads. While nobody does, a call pays for one look whether somebody does. */
export interface Tracing {
  /** One call that memory did not answer at once. */
  call<T>(operation: 'wrap' | 'wrapMany', keys: number, run: () => Promise<T>): Promise<T>
  /** One call of a loader for the `flights` of a load. */
  load<T>(load: object, flights: readonly unknown[], reason: LoadReason, run: () => T): T
  /** The present call waits for a load that another one started. */
  joined(load: object): void
  loadEnded(load: object, flights: readonly unknown[], event: LoadEvent): void
}
