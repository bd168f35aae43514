import type { Downloader } from '../download/download.ts'
import { admitUrl, parseUrl } from '../network/url-rules.ts'
import { imageKey } from './image-key.ts'
import type { ImagePolicy, ImageSettings } from './image-settings.ts'
import { policyFor } from './judge.ts'

/** What a request is about, under the settings it began with. */
export interface Target {
  /** As the URL parser writes it. */
  readonly url: string
  readonly key: string
  readonly variant: string | undefined
  readonly policy: ImagePolicy
  readonly settings: ImageSettings
  readonly downloader: Downloader
  readonly loadTimeout: number
  readonly tags: readonly string[]
}

/** For a claim of another process and for what comes after the download, on top of its own deadline. */
const loadSlackMs = 6_000
/** Judging a URL takes as long as serving the image; those asked for last are remembered. */
const remembered = 1_000

/** Judges URLs under one set of settings. */
export class Targets {
  readonly #settings: ImageSettings
  readonly #downloader: Downloader
  /** A Map keeps the order of insertion, and every use inserts again. */
  readonly #known = new Map<string, Target>()

  constructor(settings: ImageSettings, downloader: Downloader) {
    this.#settings = settings
    this.#downloader = downloader
  }

  /** @throws ImageError for a URL that the rules refuse */
  of(url: string, variant: string | undefined): Target {
    if (variant !== undefined) return this.#judge(url, variant)
    const known = this.#known.get(url)
    const target = known ?? this.#judge(url, undefined)
    if (known !== undefined) this.#known.delete(url)
    else if (this.#known.size >= remembered) this.#forgetOldest()
    this.#known.set(url, target)
    return target
  }

  #forgetOldest(): void {
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }

  #judge(url: string, variant: string | undefined): Target {
    const settings = this.#settings
    const parsed = parseUrl(url)
    const entry = admitUrl(parsed, settings)
    const originTag = `o:${parsed.origin}`
    const variantsTag = variantTag(imageKey(parsed, entry, undefined, settings.key))
    return {
      url: parsed.href,
      key: imageKey(parsed, entry, variant, settings.key),
      variant,
      policy: policyFor(settings.policy, entry),
      settings,
      downloader: this.#downloader,
      loadTimeout: settings.limits.deadlineMs * 2 + loadSlackMs,
      tags: variant === undefined ? [originTag] : [originTag, variantsTag],
    }
  }
}

/** Under which all variants of an image are found. */
export const variantTag = (key: string) => `v:${key}`
