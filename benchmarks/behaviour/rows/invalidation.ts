import type { Library, Subject } from '../library.ts'
import { nameOf, type Outcome, outcomeOf, type Seen, sleep } from '../seen.ts'

/**
 * A load of 60 ms reads the source at its beginning; 20 ms later the source changes and the key is deleted. What does
 * a caller get who comes after the delete, once while that load still runs, and once after its end?
 */
export async function deleteDuringLoad(library: Library): Promise<Seen> {
  return invalidationDuringLoad(library, undefined, ({ delete: remove }) => remove('key'))
}

/** The same, but what is invalidated is a tag that the entry carries. */
export async function tagDuringLoad(library: Library): Promise<Seen> {
  if (library.options.tags === undefined) return { short: 'no tags', long: 'it has no tags' }
  const seen = await invalidationDuringLoad(library, 'tag', ({ invalidateTag }) =>
    invalidateTag?.('tag'),
  )
  return library.options.tags === 'tags'
    ? seen
    : { ...seen, long: `by its ${library.options.tags}: ${seen.long}` }
}

async function invalidationDuringLoad(
  library: Library,
  tag: string | undefined,
  invalidate: (subject: Subject) => Promise<unknown> | undefined,
): Promise<Seen> {
  // Two loads of their own, since a caller in the meantime can start a load that hides what the first one wrote.
  const [meanwhile, afterwards] = await Promise.all([run(10), run(100)])
  const seen = `who came while that load ran got ${word(meanwhile.later)}, who came after its end ${word(afterwards.later)}; who waited beforehand got ${word(afterwards.waiting)}`
  if (isOld(afterwards.later)) return { short: 'old value, kept', long: seen }
  if (isOld(meanwhile.later)) return { short: 'old value, not kept', long: seen }
  return {
    short: afterwards.waiting.kind === 'error' ? 'new value; waiters fail' : 'new value',
    long: seen,
  }

  async function run(comesAfterMs: number): Promise<{ later: Outcome; waiting: Outcome }> {
    let source = 'old'
    const subject = await library.open({
      async load() {
        const read = source
        await sleep(60)
        return read
      },
      ...(tag !== undefined && { tag }),
    })
    const waiting = outcomeOf(() => subject.ask('key'), 1000)
    await sleep(20)
    source = 'new'
    await invalidate(subject)
    await sleep(comesAfterMs)
    const later = await outcomeOf(() => subject.ask('key'), 1000)
    return { later, waiting: await waiting }
  }
}

const isOld = (outcome: Outcome): boolean => outcome.kind === 'value' && outcome.value === 'old'

function word(outcome: Outcome): string {
  if (outcome.kind === 'value') return `the ${String(outcome.value)} value`
  if (outcome.kind === 'open') return 'no answer'
  return `an error (\`${nameOf(outcome.error)}: ${(outcome.error as Error).message}\`)`
}
