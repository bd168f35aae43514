/**
 * `@holdfast/image`: fetches, checks, keeps and serves origin images through a Holdfast cache.
 * Not released yet: this version exports nothing.
 *
 * @packageDocumentation
 */
export {}
