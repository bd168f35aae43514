import type { TimerHandle } from '@holdfast/core'
import type { ImageReader } from './image-reader.ts'
import type { PollSettings } from './image-settings.ts'

/**
 * Asks the origins, again and again and with conditions, whether the images in use are still the same. In use is what
 * was asked for last: a bounded list for each polled origin, since a cache cannot be enumerated.
 */
export class Polling {
  readonly #reader: ImageReader
  #polls: Poll[] = []

  constructor(reader: ImageReader) {
    this.#reader = reader
    reader.noteUse = (url) => this.#noteUse(url)
    this.restart()
  }

  restart(): void {
    const before = this.#polls
    for (const poll of before) poll.stop()
    this.#polls = this.#reader.settings.poll.map((settings) => {
      const entry = this.#reader.settings.origins.find(({ match }) => match === settings.match)
      const known = before.find((poll) => poll.settings.match === settings.match)
      return new Poll(this.#reader, settings, (url) => entry?.covers(url) ?? false, known?.urls)
    })
  }

  #noteUse(url: string): void {
    for (const poll of this.#polls) poll.noteUse(url)
  }

  close(): void {
    for (const poll of this.#polls) poll.stop()
    this.#polls = []
  }
}

class Poll {
  readonly settings: PollSettings
  /** The one asked for longest ago is the first. */
  readonly urls: Set<string>
  readonly #reader: ImageReader
  readonly #covers: (url: URL) => boolean
  readonly #controller = new AbortController()
  #timer: TimerHandle

  constructor(
    reader: ImageReader,
    settings: PollSettings,
    covers: (url: URL) => boolean,
    urls: ReadonlySet<string> = new Set(),
  ) {
    this.#reader = reader
    this.settings = settings
    this.#covers = covers
    this.urls = new Set([...urls].slice(-settings.images))
    this.#schedule()
  }

  noteUse(text: string): void {
    if (!this.urls.delete(text)) {
      if (!URL.canParse(text) || !this.#covers(new URL(text))) return
      const [oldest] = this.urls
      if (this.urls.size >= this.settings.images && oldest !== undefined) this.urls.delete(oldest)
    }
    this.urls.add(text)
  }

  #schedule(): void {
    this.#timer = this.#reader.clock.setTimeout(() => void this.#run(), this.settings.everyMs)
    // Images that nobody asks for keep no process alive. The timers of a fake clock do not know the question.
    ;(this.#timer as { unref?: () => void } | undefined)?.unref?.()
  }

  async #run(): Promise<void> {
    const queue = [...this.urls]
    const { signal } = this.#controller
    const work = async () => {
      for (let url = queue.pop(); url !== undefined && !signal.aborted; url = queue.pop()) {
        // What fails is remembered by the picture that stays, and told to the cache's listeners.
        await this.#reader.read(url, { refresh: true, signal }).catch(() => undefined)
      }
    }
    await Promise.all(Array.from({ length: this.settings.concurrency }, work))
    if (!signal.aborted) this.#schedule()
  }

  stop(): void {
    this.#controller.abort()
    this.#reader.clock.clearTimeout(this.#timer)
  }
}
