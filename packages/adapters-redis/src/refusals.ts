import { refusalCode } from './redis-errors.ts'

/** What a user without some right loses, and nothing else. */
const lossOf = {
  EVAL: 'replace fails, so processes cannot share claims',
  PUBLISH: 'invalidations are not told to other processes',
  SUBSCRIBE: 'invalidations of other processes are not heard',
  INFO: 'metrics of the server are unknown',
} as const

export type Feature = keyof typeof lossOf

/** Warns once about each feature that the server refuses to this user. */
export class Refusals {
  readonly #store: string
  readonly #warned = new Set<Feature>()

  constructor(store: string) {
    this.#store = store
  }

  /** Passes `error` on, and warns the first time that it means the feature is refused. */
  note(feature: Feature, error: unknown): boolean {
    if (!isRefused(error)) return false
    if (!this.#warned.has(feature)) {
      this.#warned.add(feature)
      process.emitWarning(
        `the server of the store '${this.#store}' refuses ${feature} to this user: ${lossOf[feature]}; grant it, or ignore this`,
        { type: 'HoldfastWarning', code: `HOLDFAST_REDIS_NO_${feature}` },
      )
    }
    return true
  }
}

function isRefused(error: unknown): boolean {
  const code = refusalCode(error)
  if (code === 'NOPERM') return true
  return code === 'ERR' && /unknown command/i.test((error as Error).message)
}
