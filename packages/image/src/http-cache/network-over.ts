/** The way out: the caller's own, else the global `fetch` as it is at the time of each call. */
export function networkOver(_options: object, own: typeof fetch | undefined): typeof fetch {
  return own ?? ((input, init) => fetch(input, init))
}
