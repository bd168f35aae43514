import { readFileSync } from 'node:fs'
import { createCache } from '@holdfast/core'
import { expect, test } from 'vitest'
import { readHttpCacheOptions } from '../../src/http-cache/http-cache-options.ts'
import { defaultPolicy } from '../../src/http-cache/policy-options.ts'

/** What the guide says of options is held against the code. */
const page = readFileSync(new URL('../../../../docs/guides/http-cache.md', import.meta.url), 'utf8')
const [, section = ''] = page.split(/^## Options$/m)
const table = Object.fromEntries(
  [...section.matchAll(/^\| `([\w.]+)` *\| (.+?) *\|/gm)].map((row) => [row[1], row[2]]),
)

/** The names that the refusal of an unknown one lists. */
function known(wrong: object): string[] {
  try {
    readHttpCacheOptions({ cache: createCache(), ...wrong })
  } catch (error) {
    return /It knows (.+)$/.exec(String(error))?.[1]?.split(', ') ?? []
  }
  return []
}

test('every option is in the guide, and no other', () => {
  const names = known({ none: 1 }).filter((name) => name !== 'freshness')
  const nested = known({ freshness: { none: 1 } }).map((name) => `freshness.${name}`)
  expect(names.length).toBeGreaterThan(5)
  expect(Object.keys(table).sort()).toEqual([...names, ...nested].sort())
})

test('every default is the one that the guide names', () => {
  const spelled = Object.fromEntries(
    Object.entries(table)
      .filter(([name]) => !['cache', 'fetch', 'clock'].includes(name))
      .map(([name, text]) => [name, new Function(`return ${String(text).replaceAll('`', '')}`)()]),
  )
  const nested = Object.entries(spelled).filter(([name]) => name.startsWith('freshness.'))
  const freshness = Object.fromEntries(nested.map(([name, value]) => [name.slice(10), value]))
  const others = Object.entries(spelled).filter(([name]) => !name.startsWith('freshness.'))
  const cache = createCache()
  const written = readHttpCacheOptions({ cache, ...Object.fromEntries(others), freshness })
  const unwritten = readHttpCacheOptions({ cache })
  expect({ ...written, clock: 0, network: 0 }).toEqual({ ...unwritten, clock: 0, network: 0 })
  expect(written.policy).toEqual(defaultPolicy)
})
