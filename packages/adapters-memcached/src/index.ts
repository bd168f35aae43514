/**
 * `@holdfast/memcached`: `memcachedStore`, the shared tier of a Holdfast cache on Memcached, with
 * the client choosing the server for each key. Not released yet: this version exports nothing.
 *
 * @packageDocumentation
 */
export {}
