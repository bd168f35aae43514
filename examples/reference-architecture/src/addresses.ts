/** Where everything is that a process of the shop talks to. */
export interface Addresses {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  /** What the sentinels call the primary. */
  readonly primaryName: string
  readonly memcached: readonly {
    readonly name: string
    readonly host: string
    readonly port: number
  }[]
  /** Of the services behind the shop, which own products and users. */
  readonly services: string
}

/** The channel of Redis on which the owners of data say what has changed. */
export const channel = 'invalidations'
