/**
 * `@holdfast/image/testing`: a network of its own for tests of what fetches images.
 *
 * @packageDocumentation
 */
export {}
