import type { Cache } from '../cache.ts'
import { keepAlive, systemClock } from '../clock.ts'
import { isCacheError } from '../errors.ts'
import { isHeard } from '../observe/side-listener.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Adapters, ImagesLike } from './adapters.ts'
import { buildParts, closeParts, noParts, type Part, type Parts } from './build.ts'
import { ConfigError } from './config-error.ts'
import type { HoldfastConfig } from './config-options.ts'
import { type Configured, handles, made } from './create-from-config.ts'
import { type ConfigSources, fileOf, readConfig } from './read-config.ts'
import { inDigests, revealSecrets } from './revealed.ts'
import { SwappedCache } from './swapped-cache.ts'
import { swappedSessions } from './swapped-sessions.ts'
import { Turns } from './turn.ts'
import { watchFile } from './watch-file.ts'
import { WatchedImages } from './watched-images.ts'

export interface WatchOptions {
  /** How often the file and the files of secrets are read again, beside the machine's own word that they changed. Default `'5s'`. */
  readonly poll?: Duration | undefined
  /** How long what was replaced may take to finish the calls that it began; then it is closed all the same. Default `'30s'`. */
  readonly drain?: Duration | undefined
}

/** What happens to a watched configuration. */
export interface WatchEvents {
  /** A change has been swapped in. */
  readonly changed: {
    /** What is new, different or gone, such as `caches.api`. */
    readonly parts: readonly string[]
  }
  /** A change was not usable: everything goes on as before. */
  readonly refused: {
    /** Where it is wrong; `''` where the whole file is. */
    readonly path: string
    readonly error: Error
  }
  /** What was replaced has finished its calls, and its connections are closed. */
  readonly drained: {
    readonly parts: readonly string[]
  }
}

/** As `createFromConfig`; its caches, sessions and image caches stay the same objects while what is behind them changes. */
export interface Watched<Images extends ImagesLike = ImagesLike> extends Configured<Images> {
  /** Reads everything again at once. Resolves to whether something changed. @throws ConfigError, as a rejection: nothing has changed. */
  reload(): Promise<boolean>
  /** Hears of an event until the answer is called. Without a listener of `refused` it is a process warning. */
  on<Name extends keyof WatchEvents>(
    event: Name,
    listener: (event: WatchEvents[Name]) => void,
  ): () => void
}

/**
 * Builds a configuration and follows its file: a valid change is swapped in without a call being dropped, and an
 * invalid one is refused while everything stays. What a change does not touch stays as it is, its connections
 * included; a cache that is changed begins with an empty memory. Variables and arguments are read once.
 * @throws ConfigError, as a rejection, where the first reading is not usable.
 */
export async function watchConfig<Images extends ImagesLike = ImagesLike>(
  sources: ConfigSources,
  adapters: Adapters<Images> = {},
  options: WatchOptions = {},
): Promise<Watched<Images>> {
  readObject(sources, 'the sources of watchConfig')
  refuseUnknownNames(options, ['poll', 'drain'], 'watchConfig')
  const pollMs = parseDuration(options.poll ?? '5s', 'poll')
  const drainMs = parseDuration(options.drain ?? '30s', 'drain')
  const env = { ...(sources.env ?? process.env) }
  const from = { ...sources, env }
  const listeners = {
    changed: new Set<(event: never) => void>(),
    refused: new Set<(event: never) => void>(),
    drained: new Set<(event: never) => void>(),
  }
  const tell = <Name extends keyof WatchEvents>(name: Name, event: WatchEvents[Name]) => {
    for (const listener of listeners[name]) {
      try {
        ;(listener as (event: WatchEvents[Name]) => void)(event)
      } catch {
        // A listener that throws changes nothing.
      }
    }
  }

  let parts: Parts = noParts
  let print = ''
  let lastRefusal = ''
  let isClosed = false
  const caches = new Map<string, { readonly turns: Turns<Cache>; readonly handle: SwappedCache }>()
  const sessions = new Map<string, { readonly turns: Turns<Sessions>; readonly handle: Sessions }>()
  const images = new WatchedImages(adapters, (name) => caches.get(name)!.handle)
  const drains = new Set<Promise<void>>()
  /** Each ends the patience of a drain. */
  const hurries = new Set<() => void>()
  let enabledBefore = new Map<string, boolean>()

  const read = async () => {
    const config = await readConfig(from)
    const revealed = await revealSecrets(config)
    return { config, revealed, print: JSON.stringify(inDigests(config, revealed), exact) }
  }

  const adopt = async ({ config, revealed, print: next }: Awaited<ReturnType<typeof read>>) => {
    const before = parts
    const after = await buildParts(config, revealed, adapters, before)
    // The caches of new names have to be there before the images that stand on them.
    const fresh = [...after.caches].filter(([name]) => !caches.has(name))
    for (const [name, part] of fresh) caches.set(name, cacheSeat(part))
    let imageParts: readonly string[]
    try {
      imageParts = images.adopt(config, revealed)
    } catch (error) {
      for (const [name] of fresh) caches.delete(name)
      await closeParts(after, before)
      throw error
    }
    const gone: Promise<void>[] = []
    for (const [name, part] of after.caches) {
      const { turns, handle } = caches.get(name)!
      const enabled = config.caches?.[name]?.enabled ?? true
      if (turns.value === part.made) continue
      if (enabledBefore.get(name) !== enabled) handle.forgetSwitch()
      gone.push(turns.pass(part.made).idle())
    }
    for (const [name, { turns }] of caches) {
      if (after.caches.has(name)) continue
      gone.push(turns.idle())
      caches.delete(name)
    }
    for (const [name, part] of after.sessions) {
      const seat = sessions.get(name)
      if (seat === undefined) sessions.set(name, sessionSeat(part))
      else if (seat.turns.value !== part.made) gone.push(seat.turns.pass(part.made).idle())
    }
    for (const [name, { turns }] of sessions) {
      if (after.sessions.has(name)) continue
      gone.push(turns.idle())
      sessions.delete(name)
    }
    enabledBefore = enabledOf(config)
    parts = after
    print = next
    const changed = [...differences(before, after), ...imageParts]
    if (before !== noParts && changed.length > 0) {
      tell('changed', { parts: changed })
      const drained = drain(before, after, gone).then(() => tell('drained', { parts: changed }))
      drains.add(drained)
      void drained.finally(() => drains.delete(drained))
    }
    return changed.length > 0
  }

  /** Calls that began before the change end first; then what they used is closed, unless it is still used. */
  const drain = async (before: Parts, after: Parts, gone: readonly Promise<void>[]) => {
    let timer: unknown
    let hurry: () => void = () => undefined
    const late = new Promise<void>((resolve) => {
      timer = systemClock.setTimeout(resolve, drainMs)
      hurry = resolve
    })
    hurries.add(hurry)
    keepAlive(timer, false)
    await Promise.race([Promise.all(gone), late])
    hurries.delete(hurry)
    systemClock.clearTimeout(timer)
    await closeParts(before, after)
  }

  // One after the other: two changes at once would build on the same past.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const running = queue.then(run)
    queue = running.catch(() => undefined)
    return running
  }

  const reload = () =>
    inTurn(async () => {
      if (isClosed) return false
      try {
        const next = await read()
        // What stands in a nutcracker.yml is compared when the rings are built.
        const isNew = next.print !== print || readsPools(next.config)
        const isChanged = isNew && (await adopt(next))
        lastRefusal = ''
        return isChanged
      } catch (error) {
        refuse(error)
        throw error
      }
    })
  const refuse = (error: unknown) => {
    const told = error instanceof Error ? error : new ConfigError('the configuration was refused')
    // The same file is read again and again, and said to be wrong once.
    if (lastRefusal === told.message) return
    lastRefusal = told.message
    const path = error instanceof ConfigError ? error.path : ''
    tell('refused', { path, error: told })
    if (!isHeard(listeners.refused))
      process.emitWarning(
        `a change of the configuration was refused, and the one before stays: ${isCacheError(told) ? told.message : told.name}`,
        { type: 'HoldfastWarning', code: 'HOLDFAST_CONFIG_REFUSED' },
      )
  }

  await adopt(await read())
  const file = fileOf(sources.file ?? env.HOLDFAST_CONFIG)
  const stop = watchFile(file, pollMs, () => reload().catch(() => undefined))

  let closing: Promise<void> | undefined
  const close = async (closeOptions: { readonly drain?: Duration } = {}) => {
    stop()
    isClosed = true
    await queue
    await images.close()
    await Promise.allSettled(
      [...parts.caches.values()].map((part) => part.made.close(closeOptions)),
    )
    await closeParts(parts)
    // Whoever is late by now has had as long as the loads of the present.
    for (const hurry of hurries) hurry()
    await Promise.allSettled(drains)
  }
  const configured = handles<Images>({
    caches: () => handlesOf(caches),
    stores: () => made(parts.stores),
    rings: () => made(parts.rings),
    sessions: () => handlesOf(sessions),
    images: () => images.all() as Readonly<Record<string, Images>>,
    handlers: () => images.handlers(),
    close: (closeOptions) => {
      closing ??= close(closeOptions)
      return closing
    },
  })
  return Object.assign(Object.create(configured) as Configured<Images>, {
    reload,
    on<Name extends keyof WatchEvents>(name: Name, listener: (event: WatchEvents[Name]) => void) {
      const own = listener as (event: never) => void
      listeners[name].add(own)
      return () => void listeners[name].delete(own)
    },
  })
}

function cacheSeat(part: Part<Cache>) {
  const turns = new Turns(part.made)
  return { turns, handle: new SwappedCache(turns) }
}

function sessionSeat(part: Part<Sessions>) {
  const turns = new Turns(part.made)
  return { turns, handle: swappedSessions(turns) }
}

const handlesOf = <T>(seats: ReadonlyMap<string, { readonly handle: T }>) =>
  Object.fromEntries([...seats].map(([name, { handle }]) => [name, handle]))

const enabledOf = ({ caches = {} }: HoldfastConfig) =>
  new Map(Object.entries(caches).map(([name, { enabled = true }]) => [name, enabled]))

function differences(before: Parts, after: Parts): string[] {
  return (Object.keys(after) as (keyof Parts)[]).flatMap((kind) =>
    [...new Set([...before[kind].keys(), ...after[kind].keys()])]
      .filter((name) => before[kind].get(name)?.made !== after[kind].get(name)?.made)
      .map((name) => `${kind}.${name}`),
  )
}

const readsPools = ({ rings = {} }: HoldfastConfig) =>
  Object.values(rings).some(({ nutcracker }) => nutcracker !== undefined)

const exact = (_name: string, value: unknown) => (value === Infinity ? 'Infinity' : value)
