import type { Answer, Library } from '../library.ts'
import type { Seen } from '../seen.ts'

type Call = (...args: unknown[]) => Promise<unknown>

const yours: Seen = { short: 'you write the key', long: 'it makes no keys: the caller writes them' }

/** Pairs of arguments that are not the same, asked for one after the other: does the second get the first's answer? */
export async function argumentKeys(library: Library): Promise<Seen> {
  if (library.defineFunction === undefined) return yours
  const pairs: readonly (readonly [string, unknown[], unknown[]])[] = [
    ['`1` and `"1"`', [1], ['1']],
    ['`{a: 1}` and its JSON', [{ a: 1 }], ['{"a":1}']],
    ['`["a", "b"]` and `"a,b"`', [['a', 'b']], ['a,b']],
    ['`null` and `"null"`', [null], ['null']],
  ]
  const mixedUp: string[] = []
  for (const [what, one, other] of pairs) {
    const call = await open(library, async (...args) => `for ${typeof args[0]} ${String(args[0])}`)
    const [first, second] = [await call(...one), await call(...other)]
    if (first === second) mixedUp.push(what)
  }
  let calls = 0
  const call = await open(library, async () => ++calls)
  await call({ a: 1, b: 2 })
  await call({ b: 2, a: 1 })
  const order =
    calls === 1
      ? 'the order of properties does not matter'
      : 'the same properties in another order are another key'
  return {
    short: mixedUp.length === 0 ? 'told apart' : `mixes ${mixedUp.length} of ${pairs.length}`,
    long: `${mixedUp.length === 0 ? `all ${pairs.length} pairs are told apart` : `mixes up ${mixedUp.join(', ')}`}; ${order}`,
  }
}

const argumentCount = 200_000

/** 200,000 different identifiers, from a fixed seed, through one function: how many get another one's answer? */
export async function collidingKeys(library: Library): Promise<Seen> {
  if (library.defineFunction === undefined) return yours
  const call = await open(library, async (id) => ({ id }), argumentCount)
  const next = identifiers(1)
  let wrong = 0
  let first = 0
  for (let index = 1; index <= argumentCount; index++) {
    const id = next()
    const answer = (await call(id)) as { id: string }
    if (answer.id === id) continue
    if (wrong++ === 0) first = index
  }
  const [all, at] = [argumentCount, first].map((count) => count.toLocaleString('en-US'))
  return wrong === 0
    ? { short: 'none', long: `none of ${all} got another one’s answer` }
    : {
        short: `${wrong} wrong answers`,
        long: `${wrong} of ${all} got another one’s answer, the first after ${at}`,
      }
}

async function open(library: Library, load: Call, bound = 1000): Promise<Call> {
  return (await library.defineFunction?.(load as Answer, bound)) as Call
}

/** Looks like UUIDs: 128 bits in hexadecimal from a small generator (mulberry32) with a fixed seed. */
function identifiers(seed: number): () => string {
  let state = seed
  const next = (): string => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0).toString(16).padStart(8, '0')
  }
  return () => {
    const hex = next() + next() + next() + next()
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}
