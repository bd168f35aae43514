import type { Cache, Clock, LoaderContext } from '@holdfast/core'
import { createDownloader, type Downloader } from '../download/download.ts'
import type { Decision } from '../http-cache/policy.ts'
import { ImageError, type ImageErrorCode } from '../image-error.ts'
import { type NetworkSeam, seamOf } from '../network/seam.ts'
import type { OriginEntry } from '../network/settings.ts'
import { admitUrl, parseUrl } from '../network/url-rules.ts'
import { clockOf, type News, tellOf } from './cache-ties.ts'
import { EndedLoads } from './ended-loads.ts'
import { imageKey } from './image-key.ts'
import type { ImageCacheOptions } from './image-options.ts'
import { type ImageSettings, mergeImageOptions, readImageOptions } from './image-settings.ts'
import { judge } from './judge.ts'
import { loadImage } from './load-image.ts'
import { newsOf } from './load-news.ts'
import { loadVariant } from './load-variant.ts'
import { errorOf, type Held, isBlocked, isRefusal, type Kept, type Picture } from './picture.ts'
import { type Reading, reading } from './reading.ts'
import { isSound, markSound } from './sound.ts'
import { type Target, Targets, variantTag } from './target.ts'

export interface ReadingOptions {
  readonly signal?: AbortSignal | undefined
  readonly variant?: string | undefined
  /** Asks the origin although the image is fresh. */
  readonly refresh?: boolean | undefined
}

/** One call on its way. */
interface Call {
  /** How many loads had ended when it began: what came later came for it too. */
  readonly since: number
  readonly options: ReadingOptions
  /** Whether it started a load itself. */
  loads: boolean
}

/** Where an image is looked up that was purged softly: as long as that, it can still stand in. */
const purgedStaleMs = 86_400_000
/** A caller waits this long for a refresh where a stale image may be served instead. */
const softTimeoutMs = 1_000
/** Reads images through a cache: what is kept, what may be served of it, and when the origin is asked. */
export class ImageReader {
  readonly cache: Cache
  readonly clock: Clock
  settings: ImageSettings
  readonly #seam: NetworkSeam | undefined
  readonly #tell: (news: News) => void
  #options: ImageCacheOptions
  #downloader: Downloader
  #targets: Targets
  readonly #loads = new EndedLoads()
  /** Refreshes behind callers, so that close() can wait for them. */
  readonly #behind = new Map<string, Promise<unknown>>()

  constructor(options: ImageCacheOptions) {
    this.settings = readImageOptions(options)
    this.#options = options
    this.#seam = seamOf(options)
    this.clock = this.#seam?.clock ?? clockOf(options.cache)
    this.#downloader = createDownloader(this.settings, this.#seam)
    this.#targets = new Targets(this.settings, this.#downloader)
    // Freshness is judged here, by the origin's own words: the cache only knows how long an image is worth its place.
    this.cache = options.cache.namespace('images', {
      values: 'shared',
      jitter: 0,
      earlyRefresh: false,
      staleWhileRevalidate: 0,
      staleIfError: purgedStaleMs,
      errorTtl: 0,
    })
    this.#tell = tellOf(this.cache)
  }

  /** Swaps the settings; requests under way keep those they began with. @throws InvalidOptionError */
  update(options: Partial<ImageCacheOptions>): void {
    const next = mergeImageOptions(this.#options, options)
    const settings = readImageOptions(next)
    const downloader = this.#downloader
    this.#downloader = createDownloader(settings, this.#seam, downloader)
    this.#targets = new Targets(settings, this.#downloader)
    this.#options = next
    this.settings = settings
    downloader.close()
  }

  /** @throws ImageError for a URL that the rules refuse, before anything is read */
  #target(url: string, variant: string | undefined): Target {
    try {
      return this.#targets.of(url, variant)
    } catch (error) {
      if (error instanceof ImageError) {
        this.refused('url', error.code)
      }
      throw error
    }
  }

  /** The key of a URL, also of one that would not be fetched. @throws ImageError `url` */
  key(url: string, variant?: string): string {
    const parsed = parseUrl(url)
    let entry: OriginEntry | undefined
    try {
      entry = admitUrl(parsed, this.settings)
    } catch {
      // Nothing is kept under it.
    }
    return imageKey(parsed, entry, variant, this.settings.key)
  }

  /** Told of every URL that somebody asks for. */
  noteUse: (url: string) => void = () => undefined

  async read(url: string, options: ReadingOptions = {}): Promise<Reading> {
    const target = this.#target(url, options.variant)
    if (!options.refresh) this.noteUse(url)
    const call: Call = { since: this.#loads.count, options, loads: false }
    const kept = options.refresh
      ? await this.#refresh(target, call)
      : await this.#wrap(target, call)
    return this.#answer(target, kept, call, false)
  }

  /** What is in this process's memory and may be served as it is. */
  peek(url: string, variant?: string): Reading | undefined {
    let target: Target
    try {
      target = this.#target(url, variant)
    } catch {
      return undefined
    }
    const kept = this.cache.peek<Kept>(target.key)
    if (kept?.kind !== 'picture' || !isSound(kept, this.cache)) return undefined
    const decision = judge(kept, target.policy, this.clock.now())
    if (decision.action === 'fresh') return reading(kept, 'hit', decision)
    return decision.action === 'stale' ? reading(kept, 'stale', decision) : undefined
  }

  async #answer(target: Target, kept: Kept, call: Call, isRefreshed: boolean): Promise<Reading> {
    const now = this.clock.now()
    if (kept.kind === 'failure') {
      // The cache ends it by its own clock, which need not be this one.
      const isOver = kept.held.untilAt <= now && !this.#loads.isAfter(kept, call.since)
      if (!isOver || isRefreshed) throw this.#failed(target, kept.held)
      return this.#answer(target, await this.#refresh(target, call), call, true)
    }
    if (kept.kind === 'passing') {
      const decision = judge(kept.picture, target.policy, now)
      const collapsed = !call.loads
      return {
        ...reading(kept.picture, 'miss', decision),
        isKept: false,
        detail: kept.why,
        collapsed,
      }
    }
    if (!isSound(kept, this.cache)) return this.#again(target, call, isRefreshed)
    const decision = judge(kept, target.policy, now)
    const isMine = this.#loads.isAfter(kept, call.since)
    const { held } = kept
    if (held !== undefined && (isMine || held.untilAt > now)) {
      return this.#standIn(target, kept, decision, held, isMine)
    }
    if (isMine) {
      const collapsed = !call.loads
      const isStored = this.#loads.isStored(kept)
      return { ...reading(kept, kept.how, decision), collapsed, replaced: isRefreshed, isStored }
    }
    if (decision.action === 'fresh') return reading(kept, 'hit', decision)
    if (decision.action === 'stale') {
      this.#refreshBehind(target)
      return reading(kept, 'stale', decision)
    }
    if (isRefreshed) {
      // The load took too long for a caller who can be served the stale one.
      if (decision.mayServeDisconnected)
        return { ...reading(kept, 'stale', decision), detail: 'slow' }
      throw new ImageError(
        'unavailable',
        'the origin has not confirmed an image that has gone stale',
      )
    }
    return this.#answer(target, await this.#refresh(target, call, decision), call, true)
  }

  /** In the place of bytes that are not what was written. */
  async #again(target: Target, call: Call, isRefreshed: boolean): Promise<Reading> {
    this.refused(target.key, 'integrity')
    await this.cache.delete(target.key)
    if (isRefreshed) throw new ImageError('integrity', 'a kept image was not what was written')
    return this.#answer(target, await this.#wrap(target, call), call, true)
  }

  /** A stale picture in the place of a failed refresh, where that is allowed. */
  #standIn(
    target: Target,
    picture: Picture,
    decision: Decision,
    held: Held,
    isMine: boolean,
  ): Reading {
    const isAllowed =
      decision.action === 'stale' || decision.mayServeOnError || decision.mayServeDisconnected
    if (!isAllowed || isRefusal(held.code)) throw this.#failed(target, held)
    const { upstreamStatus } = held
    if (isBlocked(held.code)) this.refused(target.key, held.code)
    return {
      ...reading(picture, 'stale', decision),
      detail: `stale-if-error/${held.code}`,
      ...(isMine && upstreamStatus !== undefined ? { upstreamStatus } : {}),
    }
  }

  #failed(target: Target, held: Held): ImageError {
    if (isBlocked(held.code)) this.refused(target.key, held.code)
    return errorOf(held)
  }

  /** Tells the listeners of the cache that a rule said no. */
  refused(key: string, code: ImageErrorCode): void {
    this.#tell({ event: 'refused', key, reason: code })
  }

  #refresh(target: Target, call: Call, decision?: Decision): Promise<Kept> {
    return this.#wrap(target, call, true, decision?.mayServeDisconnected)
  }

  #refreshBehind(target: Target): void {
    if (this.#behind.has(target.key)) return
    const call: Call = { since: this.#loads.count, options: {}, loads: false }
    const work = this.#refresh(target, call).then(
      (kept) => void this.#loads.isStored(kept),
      (error: unknown) => this.#tell({ event: 'refresh', key: target.key, error }),
    )
    const done = work.finally(() => this.#behind.delete(target.key))
    this.#behind.set(target.key, done)
  }

  #wrap(target: Target, call: Call, refresh = false, mayWait = false): Promise<Kept> {
    const load = (context: LoaderContext) => {
      call.loads = true
      return this.#load(context, target)
    }
    const { loadTimeout, tags } = target
    return this.cache.wrap<Kept>(target.key, load, {
      // What a load keeps says itself for how long.
      ttl: 1_000,
      loadTimeout,
      softTimeout: mayWait ? softTimeoutMs : loadTimeout,
      refresh,
      // Not read on a hit in memory, so that a signal that costs something need not be made for one.
      get signal() {
        return call.options.signal
      },
      tags,
    })
  }

  async #load(context: LoaderContext, target: Target): Promise<Kept> {
    const { url, settings, policy, downloader, variant } = target
    const { clock } = this
    const kept =
      variant === undefined
        ? await loadImage(context, { url, settings, policy, downloader, clock })
        : await loadVariant(context, {
            url,
            variant,
            settings,
            policy,
            clock,
            original: (signal) => this.read(url, { signal }),
          })
    this.#loads.note(kept, context)
    if (kept.kind === 'picture') markSound(kept)
    for (const news of newsOf(kept, target.key)) this.#tell(news)
    return kept
  }

  /** Everything made from the image at a URL goes with it. */
  async purge(url: string, soft: boolean): Promise<void> {
    const key = this.key(url)
    if (soft) await this.cache.expire(key)
    else await this.cache.delete(key)
    // Variants are made from what is kept, also from a stale original, so of them nothing is lost.
    if (this.settings.transform !== undefined) await this.cache.invalidateTags([variantTag(key)])
  }

  async close(): Promise<void> {
    await Promise.all(this.#behind.values())
    this.#downloader.close()
  }
}
