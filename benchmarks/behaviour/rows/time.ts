import type { Library } from '../library.ts'
import { nameOf, type Outcome, outcomeOf, type Seen, sleep } from '../seen.ts'

const ttlMs = 1000
const windowMs = 60_000
/** Long enough after the ttl for a clock of whole seconds. */
const pastTtlMs = 2200

/** A value past its ttl of 1 s, a loader that takes 100 ms: is the caller answered at once, and the value renewed? */
export async function staleWhileRevalidate(library: Library): Promise<Seen> {
  const option = library.options.staleWhileRevalidate
  let version = 0
  const { ask } = await library.open({
    async load() {
      const loaded = ++version
      if (loaded > 1) await sleep(100)
      return loaded
    },
    ttlMs,
    ...(option !== undefined && { stale: { feature: 'staleWhileRevalidate', ms: windowMs } }),
  })
  await ask('key')
  await sleep(pastTtlMs)
  const first = await outcomeOf(() => ask('key'), 1000)
  await sleep(200)
  const second = await outcomeOf(() => ask('key'), 1000)
  const atOnce = first.kind === 'value' && first.value === 1 && first.ms < 50
  const renewed = second.kind === 'value' && second.value === 2
  if (option === undefined) {
    return {
      short: library.options.refreshAhead === undefined ? 'no' : 'only before the ttl ends',
      long: `no option for it${library.options.refreshAhead === undefined ? '' : `; \`${library.options.refreshAhead}\` refreshes before the ttl ends`}: the caller ${atOnce ? 'was answered at once' : 'waited for the load'}`,
    }
  }
  return {
    short: atOnce && renewed ? 'yes' : 'no',
    long: `\`${option}\`: the caller ${atOnce ? 'got the stale value at once' : 'waited for the load'}, and 200 ms later the value was ${renewed ? 'renewed' : 'not renewed'}`,
  }
}

/** A value past its ttl of 1 s and a loader that fails, asked twice, 300 ms apart. */
export async function staleIfError(library: Library): Promise<Seen> {
  const feature =
    library.options.staleIfError !== undefined
      ? 'staleIfError'
      : library.options.staleWhileRevalidate !== undefined
        ? 'staleWhileRevalidate'
        : undefined
  let calls = 0
  const { ask } = await library.open({
    async load() {
      if (++calls > 1) throw new Error('the origin is down')
      return 'stale'
    },
    ttlMs,
    ...(feature !== undefined && { stale: { feature, ms: windowMs } }),
  })
  await ask('key')
  await sleep(pastTtlMs)
  const word = (outcome: Outcome): string =>
    outcome.kind === 'value'
      ? outcome.value === 'stale'
        ? 'the stale value'
        : `\`${String(outcome.value)}\``
      : outcome.kind === 'error'
        ? 'an error'
        : 'no answer'
  const first = word(await outcomeOf(() => ask('key'), 1000))
  await sleep(300)
  const second = word(await outcomeOf(() => ask('key'), 1000))
  const both = first === second ? `${first}, twice` : `${first}, then ${second}`
  const stale = first === 'the stale value' && second === 'the stale value'
  return {
    short: stale
      ? feature === 'staleIfError'
        ? 'yes'
        : `within \`${library.options.staleWhileRevalidate}\``
      : first === 'the stale value'
        ? 'once'
        : 'no',
    long: `${feature === undefined ? 'no option for it' : `\`${library.options[feature]}\``}: ${both}`,
  }
}

/** A refresh behind the caller fails, once by an error and once by `undefined`: does the process hear of it unhandled? */
export async function failedRefresh(library: Library): Promise<Seen> {
  const swr = library.options.staleWhileRevalidate !== undefined
  if (!swr && library.options.refreshAhead === undefined) {
    return { short: 'no refresh', long: 'it refreshes nothing behind its callers' }
  }
  const heard: string[] = []
  const found: string[] = []
  const listen = (error: unknown) => {
    heard.push(nameOf(error))
  }
  process.on('unhandledRejection', listen)
  try {
    for (const [how, again] of [
      ['throws', () => Promise.reject(new Error('the origin is down'))],
      ['returns `undefined`', () => Promise.resolve(undefined)],
    ] as const) {
      heard.length = 0
      let calls = 0
      const { ask } = await library.open({
        load: async () => (++calls === 1 ? 'value' : again()),
        ttlMs: swr ? ttlMs : 60_000,
        ...(swr
          ? { stale: { feature: 'staleWhileRevalidate', ms: windowMs } as const }
          : { refreshAheadMs: 59_990 }),
      })
      await ask('key')
      await sleep(swr ? pastTtlMs : 100)
      await outcomeOf(() => ask('key'), 1000)
      await sleep(300)
      if (calls < 2) found.push(`no refresh was seen where the loader ${how}`)
      else if (heard.length > 0) {
        found.push(`an unhandled rejection (\`${heard[0]}\`) where the loader ${how}`)
      }
    }
  } finally {
    process.off('unhandledRejection', listen)
  }
  return found.length === 0
    ? {
        short: 'handled',
        long: 'no unhandled rejection, whether the loader throws or returns `undefined`',
      }
    : {
        short: found.some((text) => text.startsWith('an unhandled'))
          ? 'unhandled rejection'
          : 'none seen',
        long: found.join('; '),
      }
}

/** 200 keys are loaded at one instant with a ttl of 3 s, and asked for again at 97 % of it, and after it. */
export async function expiryTogether(library: Library): Promise<Seen> {
  const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`)
  const loaded = new Map<string, number>()
  const { ask } = await library.open({
    async load(key) {
      loaded.set(key, (loaded.get(key) ?? 0) + 1)
      return key
    },
    ttlMs: 3000,
  })
  const askAll = () => Promise.all(keys.map((key) => ask(key)))
  const again = () => keys.filter((key) => (loaded.get(key) ?? 0) > 1).length
  // At the beginning of a second, for those whose clock has whole seconds.
  await sleep(1005 - (Date.now() % 1000))
  const began = performance.now()
  await askAll()
  await sleep(2910 - (performance.now() - began))
  await askAll()
  await sleep(20)
  const early = again()
  await sleep(1100)
  await askAll()
  return {
    short: early === 0 ? 'all at once' : early === keys.length ? 'all before 97 %' : 'spread',
    long: `${early} of 200 keys had been loaded again at 97 % of their ttl, ${again()} of 200 after it`,
  }
}
