import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type BadDay, badDays } from '../src/bad-days.ts'
import { play } from '../src/play-bad-day.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tests = readdirSync(`${root}/packages/adapters-redis/test`)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => ({
    name,
    text: readFileSync(`${root}/packages/adapters-redis/test/${name}`, 'utf8'),
  }))
const guarantees = readFileSync(`${root}/docs/guarantees.md`, 'utf8')

describe.each(Object.entries(badDays))('%s', (key, { title }) => {
  const titled = tests.flatMap(({ name, text }) =>
    [...text.matchAll(new RegExp(`\\$\\{(?:badDays\\.)?${key}\\.title\\}: ([^\`]+)\``, 'g'))].map(
      ([, promise]) => ({ name, promise: promise! }),
    ),
  )

  test('is played by a test that begins with its title', () => {
    expect(titled.length, title).toBeGreaterThan(0)
  })

  test('has what those tests promise among the guarantees', () => {
    for (const { name, promise } of titled)
      expect(guarantees).toContain(`adapters-redis/test/${name}\` "${promise}"`)
  })
})

describe('a bad day', () => {
  const day = {
    title: 'a day',
    steps: [{ service: 'first' }, { waitMs: 1 }, { service: 'second' }],
  } as const satisfies BadDay

  test('is played in its order', async () => {
    const done: string[] = []
    await play(day, {}, { first: () => done.push('first'), second: () => done.push('second') })
    expect(done).toEqual(['first', 'second'])
  })

  test('that needs more than is there says what', async () => {
    const cut = { title: 'a cut', steps: [{ cut: 'replicas' }] } as const satisfies BadDay
    await expect(play(cut, {}, {})).rejects.toThrow("'a cut' needs a primary")
    await expect(play(badDays.slotsMove, {}, {})).rejects.toThrow('needs a cluster')
    await expect(play(badDays.replicaBehind, {}, {})).rejects.toThrow('needs a replica behind')
    await expect(play(day as BadDay, {}, {})).rejects.toThrow('needs first')
  })

  test('that fails wakes what it stopped', async () => {
    const done: string[] = []
    const node = { pause: () => done.push('paused'), resume: () => done.push('resumed') }
    const ask = () => {
      throw new Error('no answer')
    }
    await expect(play(badDays.nodeHung, { primary: node as never }, { ask })).rejects.toThrow(
      'no answer',
    )
    expect(done).toEqual(['paused', 'resumed'])
  })
})
