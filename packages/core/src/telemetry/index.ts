/**
 * `@holdfast/core/telemetry`: what caches do, as metrics, spans, health and a page to look at.
 *
 * @packageDocumentation
 */
export {}
