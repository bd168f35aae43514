import { createCache, isCacheError } from '@holdfast/core'
import { slowDirectory } from './directory.ts'
import { defineProfile } from './profiles.ts'

await using cache = createCache()
const directory = slowDirectory()
const profile = defineProfile(cache, directory)

/** Runs one step and prints what it cost. */
async function step(code: string, run: () => unknown): Promise<void> {
  const callsBefore = directory.calls
  const startedAt = performance.now()
  const result = await run()
  const took = `${(performance.now() - startedAt).toFixed(1)} ms`
  const calls = directory.calls - callsBefore
  console.log(`${code}\n  ${JSON.stringify(result) ?? '–'}\n  ${took}, calls: ${calls}\n`)
}

await step("profile('acme', 'ada')", () => profile('acme', 'ada'))
await step("profile('acme', 'ada') again", () => profile('acme', 'ada'))
await step('profile.many([…]), two of them, one kept already', () =>
  profile.many([
    ['acme', 'ada'],
    ['acme', 'grace'],
  ]),
)
await step("profile.key('acme', 'ada')", () => profile.key('acme', 'ada'))
await step("profile.peek('acme', 'ada'), synchronous, never loads", () =>
  profile.peek('acme', 'ada'),
)

const moved = { login: 'ada', name: 'Ada', team: 'notes', joined: '2024-12-10' }
await step("profile.set(['acme', 'ada'], …), then a read", async () => {
  await profile.set(['acme', 'ada'], moved)
  return profile('acme', 'ada')
})
await step("profile.delete('acme', 'ada'), then a read", async () => {
  await profile.delete('acme', 'ada')
  return profile('acme', 'ada')
})
await step("profile.with({ refresh: true })('acme', 'ada')", () =>
  profile.with({ refresh: true })('acme', 'ada'),
)
await step("cache.invalidateTags(['org:acme']), then peek", async () => {
  await cache.invalidateTags(['org:acme'])
  return profile.peek('acme', 'ada')
})
await step("profile('acme', 'bob'): what comes back does not fit the schema", async () => {
  try {
    return await profile('acme', 'bob')
  } catch (error) {
    if (!isCacheError(error)) throw error
    return `${error.code}: ${error.message}`
  }
})
