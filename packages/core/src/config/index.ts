/**
 * `@holdfast/core/config`: a configuration read from a file, the environment and arguments, and the caches built from it.
 *
 * @packageDocumentation
 */
export {}
