import { whenTurnEnds } from '../../clock.ts'

/** What a store over several servers tells of its ring; core's rooms know sharding by this alone. */
export interface RingStore {
  explain(key: string): { readonly server: string }
  stats?(): {
    readonly servers?: Readonly<
      Record<string, { readonly weight: number; readonly state: 'in' | 'out' }>
    >
  }
}

/** One server's part of the ring. Shares are from 0 to 1. */
export interface ServerShare {
  readonly name: string
  /** Of the sample's keys. */
  readonly share: number
  /** What its weight says; absent where the weights are not known. */
  readonly due?: number
  /** `out`: nothing is sent to it at present. Absent where that is not known. */
  readonly state?: 'in' | 'out'
}

export interface RingSpread {
  /** How many keys the shares were counted with. */
  readonly keys: number
  readonly servers: readonly ServerShare[]
}

const sampleKeys = 4_000
/** A turn of the event loop is not held up for longer than these take. */
const keysPerTurn = 250

export function isRingStore(store: unknown): store is RingStore {
  return typeof (store as Partial<RingStore> | undefined)?.explain === 'function'
}

/** The spread of a sample of keys over the servers of a store, counted anew when its servers change. */
export class RingSample {
  readonly #store: RingStore
  #counted: { of: string; counts: ReadonlyMap<string, number> } | undefined
  #counting: Promise<void> | undefined

  constructor(store: RingStore) {
    this.#store = store
  }

  async spread(): Promise<RingSpread> {
    const servers = this.#store.stats?.().servers ?? {}
    const of = JSON.stringify(Object.entries(servers).map(([name, { weight }]) => [name, weight]))
    if (this.#counted?.of !== of) {
      this.#counting ??= this.#count(of).finally(() => {
        this.#counting = undefined
      })
      await this.#counting
    }
    const counts = this.#counted?.counts ?? new Map<string, number>()
    const names = new Set([...Object.keys(servers), ...counts.keys()])
    const total = Object.values(servers).reduce((sum, { weight }) => sum + weight, 0)
    return {
      keys: sampleKeys,
      servers: [...names].map((name) => {
        const known = servers[name]
        const share = (counts.get(name) ?? 0) / sampleKeys
        return known === undefined || total === 0
          ? { name, share }
          : { name, share, due: known.weight / total, state: known.state }
      }),
    }
  }

  async #count(of: string): Promise<void> {
    const counts = new Map<string, number>()
    for (let key = 0; key < sampleKeys; key++) {
      if (key % keysPerTurn === 0) await new Promise<void>((resolve) => whenTurnEnds(resolve))
      const { server } = this.#store.explain(`sample:${key}`)
      counts.set(server, (counts.get(server) ?? 0) + 1)
    }
    this.#counted = { of, counts }
  }
}
