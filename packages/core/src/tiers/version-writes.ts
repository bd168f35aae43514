import { headOf } from '../entry/head.ts'
import { StoreError } from '../errors.ts'
import type { Told } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { Engine } from '../read/engine.ts'
import type { Budget } from '../resilience/budget.ts'
import type { SettledRead } from '../store/store.ts'
import type { FarTier } from './far-tier.ts'
import type { MakeUp } from './make-up.ts'
import { pathOf } from './store-keys.ts'
import { epochRefs, namespaceRefs, tagRefs, type VersionRef } from './versions.ts'

/** Invalidations of tags and namespaces: nothing is enumerated, a version is moved. What does not reach the store is made up for. */
export class VersionWrites {
  readonly #engine: Engine
  readonly #tier: FarTier
  readonly #makeUp: MakeUp

  constructor(engine: Engine, tier: FarTier, makeUp: MakeUp) {
    this.#engine = engine
    this.#tier = tier
    this.#makeUp = makeUp
  }

  async invalidateTags(scope: Scope, tags: readonly string[]): Promise<void> {
    // The epoch first: whoever then reads a new tag version also finds the new epoch.
    const epoch = epochRefs(scope).slice(-1)
    const own = tagRefs(scope, tags).slice(-tags.length)
    const told: Told = { type: 'tags', path: pathOf(scope), tags }
    if (own.length > 0) await this.#renew('invalidateTags', told, [epoch, own])
  }

  /**
   * Everything that is stored under one of these tags is stale from now on. What fails is made up for by invalidating
   * it: gone is never wrong.
   */
  async expireTags(scope: Scope, tags: readonly string[]): Promise<void> {
    const { versions, store } = this.#tier
    const { era } = this.#makeUp
    const epoch = epochRefs(scope).slice(-1)
    const own = tagRefs(scope, tags).slice(-tags.length)
    if (own.length === 0) return
    const told: Told = { type: 'tags', path: pathOf(scope), tags }
    const at = this.#engine.clock.now()
    const budget = this.#tier.budget()
    const left = new Set([...epoch, ...own])
    const acknowledge = (refs: readonly VersionRef[], became: 'gone' | 'stale') => {
      this.#makeUp.acknowledgedVersions(refs, told, era, became)
      for (const ref of refs) left.delete(ref)
    }
    try {
      // The epoch first, as above. What is read meanwhile is only compared with, when it is written.
      const renewed = epoch.map((ref) => versions.renew(ref))
      const keys = own.map(({ key }) => key)
      const [all] = await budget.spend((ms) =>
        Promise.all([store.getMany(keys, ms), store.setMany(renewed, ms)]),
      )
      acknowledge(epoch, 'gone')
      const work = own.map(async (ref, index) =>
        acknowledge([ref], await this.#expireVersion(ref, all[index], at, budget)),
      )
      for (const done of await Promise.allSettled(work))
        if (done.status === 'rejected') throw done.reason
    } catch (error) {
      this.#makeUp.failed('expireTags', error, () => this.#makeUp.noteVersions([...left], told))
    }
  }

  /**
   * Compared and set, so that whoever invalidates the tag at the same time is never undone. Where it was invalidated
   * meanwhile, or is not there, or the store cannot compare, it is invalidated.
   */
  async #expireVersion(
    ref: VersionRef,
    bytes: SettledRead,
    at: number,
    budget: Budget,
  ): Promise<'stale' | 'gone'> {
    const { versions, store } = this.#tier
    if (bytes instanceof StoreError) throw bytes
    const known = bytes && store.hasClaims ? versions.read(ref.key, bytes) : undefined
    if (known !== undefined) {
      const { key, bytes, ttlMs } = versions.expire(ref, known, at)
      const head = headOf('version', known.stamp)
      if (await budget.spend((ms) => store.replace(key, head, bytes, { ttlMs }, ms))) return 'stale'
    }
    await budget.spend((ms) => store.setMany([versions.renew(ref)], ms))
    return 'gone'
  }

  async clear(scope: Scope): Promise<void> {
    const told: Told = { type: 'clear', path: pathOf(scope) }
    await this.#renew('clear', told, [namespaceRefs(scope).slice(-1)])
  }

  /** Writes new versions, one group after the other. What fails, and all that comes after it, is journalled. */
  async #renew(
    operation: string,
    told: Told,
    groups: readonly (readonly VersionRef[])[],
  ): Promise<void> {
    const { era } = this.#makeUp
    const budget = this.#tier.budget()
    let written = 0
    try {
      for (const refs of groups) {
        const versions = refs.map((ref) => this.#tier.versions.renew(ref))
        await budget.spend((ms) => this.#tier.store.setMany(versions, ms))
        this.#makeUp.acknowledgedVersions(refs, told, era)
        written++
      }
    } catch (error) {
      this.#makeUp.failed(operation, error, () => {
        this.#makeUp.noteVersions(groups.slice(written).flat(), told)
      })
    }
  }
}
