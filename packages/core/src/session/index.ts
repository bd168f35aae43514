/**
 * `@holdfast/core/session`: web sessions over a store that processes share.
 *
 * @packageDocumentation
 */
export {}
