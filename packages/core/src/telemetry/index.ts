/**
 * `@holdfast/core/telemetry`: what caches do, as metrics, spans, health and a page to look at.
 *
 * @packageDocumentation
 */
export {
  type AuditedConfig,
  type AuditedSessions,
  type AuditedStore,
  type AuditRecord,
  type AuditSources,
  audit,
} from './audit.ts'
export { type Inspector, inspector } from './inspector/inspector.ts'
export type { InspectorOptions, InspectorRight } from './inspector/inspector-options.ts'
export type { InspectedCaches } from './inspector/named-caches.ts'
export { type Instruments, instrument } from './instrument.ts'
export type {
  Attributes,
  AttributeValue,
  HistogramLike,
  InstrumentOptions,
  LinkLike,
  MeterLike,
  ObserverLike,
  SpanContextLike,
  SpanLike,
  TracerLike,
} from './open-telemetry.ts'
export { type Liveness, liveness, type Readiness, readiness } from './probes.ts'
export { type PrometheusSources, prometheus, prometheusContentType } from './prometheus.ts'
export type { SecurityEventName } from './security-events.ts'
export type { NamedSessions } from './session-readings.ts'
