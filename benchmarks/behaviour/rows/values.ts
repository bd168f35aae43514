import type { Library } from '../library.ts'
import { type Outcome, outcomeOf, type Seen, times } from '../seen.ts'

interface Value {
  readonly tags: string[]
  name: string
}

/** Two callers, one after the other, each change what they got; a third looks at what it gets. */
export async function changedValue(library: Library): Promise<Seen> {
  const { ask } = await library.open({ load: async () => ({ name: 'ada', tags: ['a'] }) })
  const change = async (name: string): Promise<boolean> => {
    const value = (await ask('key')) as Value
    try {
      value.name = name
      value.tags.push(name)
      return true
    } catch {
      return false
    }
  }
  const [first, second] = [await change('by the first'), await change('by the second')]
  const { name, tags } = (await ask('key')) as Value
  const seen = ['by the first', 'by the second'].filter(
    (change) => name === change || tags.includes(change),
  )
  const frozen = !first && !second
  if (seen.length === 0) {
    return frozen
      ? { short: 'no: frozen', long: 'values are frozen: changing one throws in strict mode' }
      : { short: 'no: copies', long: 'each caller changes a copy of its own' }
  }
  return seen.length === 2
    ? { short: 'yes', long: 'the third caller sees the changes of both' }
    : {
        short: `yes, ${seen[0] === 'by the first' ? 'who loaded' : 'who hit'}`,
        long: `the third caller sees the change of ${seen[0] === 'by the first' ? 'the first, whose call loaded' : 'the second, whose call was a hit'}, not of the other`,
      }
}

/** A loader returns `null`, another `undefined`; each key is asked for twice. */
export async function nothingFound(library: Library): Promise<Seen> {
  const seen = async (nothing: null | undefined): Promise<string> => {
    let calls = 0
    const { ask } = await library.open({
      async load() {
        calls++
        return nothing
      },
    })
    const outcomes: Outcome[] = []
    for (let asked = 0; asked < 2; asked++) outcomes.push(await outcomeOf(() => ask('key'), 1000))
    const [first] = outcomes
    if (first?.kind === 'error') return 'rejects'
    const changed = outcomes.some(
      (outcome) => outcome.kind === 'value' && outcome.value !== nothing,
    )
    return `${calls === 1 ? 'kept' : 'not kept'}${changed ? ', and comes back as something else' : ''}`
  }
  const [ofNull, ofUndefined] = [await seen(null), await seen(undefined)]
  const both = `\`null\` ${ofNull}, \`undefined\` ${ofUndefined}`
  return { short: both, long: both }
}

/** 20,000 keys, one after the other, through the set-up as documented; then counted from the newest back. */
export async function boundByDefault(library: Library): Promise<Seen> {
  const keys = 20_000
  let calls = 0
  const { ask } = await library.open({
    async load(key) {
      calls++
      return key
    },
  })
  for (let index = 0; index < keys; index++) await ask(`key-${index}`)
  calls = 0
  for (let index = keys - 1; index >= 0; index--) {
    await ask(`key-${index}`)
    if (calls > 0) return found(keys - 1 - index)
  }
  return { short: 'none', long: `all ${keys.toLocaleString('en-US')} were kept` }

  function found(kept: number): Seen {
    const count = kept.toLocaleString('en-US')
    return { short: count, long: `${times(keys)}, ${count} entries kept` }
  }
}
