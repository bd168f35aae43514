import type { Cache } from '../cache.ts'
import { imageNode } from './adapter-nodes.ts'
import type { AnyAdapters, ImageHandler, ImagesLike } from './adapters.ts'
import { named } from './build.ts'
import { buildImage, handlerMaker, type ImagePart } from './build-images.ts'
import { ConfigError } from './config-error.ts'
import type { HoldfastConfig, ImageConfig } from './config-options.ts'
import type { ObjectNode } from './node.ts'
import { inClear, inDigests, type Revealed } from './revealed.ts'

interface Seat extends ImagePart<ImagesLike> {
  readonly options: ImageConfig
  readonly print: string
  /** What is handed out: it asks the handler of the moment. */
  readonly handle: ImageHandler
}

/** Image caches swap their own options, so they stay, and are told. */
export class WatchedImages {
  readonly #adapters: AnyAdapters
  readonly #cacheOf: (name: string) => Cache
  #seats = new Map<string, Seat>()

  constructor(adapters: AnyAdapters, cacheOf: (name: string) => Cache) {
    this.#adapters = adapters
    this.#cacheOf = cacheOf
  }

  /** @throws ConfigError; then every one of them is what it was. */
  adopt(config: HoldfastConfig, revealed: Revealed): string[] {
    const clear = inClear(config, revealed).images ?? {}
    const digests = inDigests(config, revealed).images ?? {}
    const next = new Map<string, Seat>()
    const undo: (() => void)[] = []
    const changed: string[] = []
    try {
      for (const [name, options] of Object.entries(clear)) {
        const print = JSON.stringify(digests[name])
        const before = this.#seats.get(name)
        if (before?.print === print) {
          next.set(name, before)
          continue
        }
        changed.push(`images.${name}`)
        next.set(
          name,
          before === undefined
            ? this.#open(name, options, print, undo)
            : this.#update(name, before, options, print, undo),
        )
      }
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    }
    for (const [name, { images }] of this.#seats) {
      if (next.has(name)) continue
      changed.push(`images.${name}`)
      void images.close()
    }
    this.#seats = next
    return changed
  }

  all(): Readonly<Record<string, ImagesLike>> {
    return Object.fromEntries([...this.#seats].map(([name, { images }]) => [name, images]))
  }

  handlers(): Readonly<Record<string, ImageHandler>> {
    return Object.fromEntries(
      [...this.#seats].flatMap(([name, { handler, handle }]) => (handler ? [[name, handle]] : [])),
    )
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#seats.values()].map(({ images }) => images.close()))
  }

  #open(name: string, options: ImageConfig, print: string, undo: (() => void)[]): Seat {
    const part = buildImage<ImagesLike>(name, options, this.#adapters, this.#cacheOf)
    undo.push(() => void part.images.close())
    return { ...part, options, print, handle: this.#handleOf(name) }
  }

  #update(
    name: string,
    before: Seat,
    options: ImageConfig,
    print: string,
    undo: (() => void)[],
  ): Seat {
    const path = `images.${name}`
    if (options.cache !== before.options.cache)
      throw new ConfigError(
        `${path}.cache cannot be changed while it is in use; give the images of another cache another name`,
        { path: `${path}.cache` },
      )
    const { images } = before
    const { handler: handlerOptions } = options
    const handler =
      handlerOptions === undefined
        ? undefined
        : named(`${path}.handler`, () =>
            handlerMaker<ImagesLike>(this.#adapters, path)(images, handlerOptions),
          )
    named(path, () => images.update(whole(options) as never))
    undo.push(() => images.update(whole(before.options) as never))
    return { ...before, handler, options, print }
  }

  #handleOf(name: string): ImageHandler {
    return (request) => {
      const handler = this.#seats.get(name)?.handler
      return handler === undefined
        ? Promise.resolve(new Response(null, { status: 404 }))
        : handler(request)
    }
  }
}

/** Every option by name, also those that are not set: what is left out of an update stays as it was. */
function whole({ cache: _, handler: _handler, ...options }: ImageConfig): object {
  return completed(imageNode, options, ['cache', 'handler'])
}

function completed(node: ObjectNode, value: object, leftOut: readonly string[] = []): object {
  const given = value as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(node.shape)
      .filter(([name]) => !leftOut.includes(name))
      .map(([name, inner]) => [
        name,
        inner.kind === 'object' ? completed(inner, (given[name] ?? {}) as object) : given[name],
      ]),
  )
}
