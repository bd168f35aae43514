import { describe, expect, test } from 'vitest'
import { createCache } from '../src/cache.ts'
import { apiKey } from '../src/keys/api-key.ts'
import { argumentsKey } from '../src/keys/argument-key.ts'
import { eventNames } from '../src/observe/events.ts'
import { resolveCacheOptions } from '../src/options/cache-settings.ts'
import {
  breakerDefaults,
  cacheDefaults,
  drainDefault,
  entryDefaults,
  memoryDefaults,
  resilienceDefaults,
} from '../src/options/defaults.ts'
import { healthDefaults } from '../src/options/health-options.ts'
import { textOf } from './documents.ts'

/** What the pages say is held against the code: tables of events, defaults and keys. */
const page = (path: string) => textOf(`docs/${path}`)

describe('the page of events, counters and explanations', () => {
  const sections = page('events.md').split(/^## /m)
  const named = (heading: string) =>
    [...(sections.find((text) => text.startsWith(heading)) ?? '').matchAll(/^\| `([\w-]+)`/gm)]
      .map((row) => row[1])
      .sort()

  test('every event is there, and no other', () => {
    expect(named('Events')).toEqual([...eventNames].sort())
  })

  test('every counter is there, and no other', () => {
    expect(named('Counters')).toEqual(Object.keys(createCache().stats()).sort())
  })

  test('every field of an explanation is there, and no other', async () => {
    expect(named('An explanation')).toEqual(Object.keys(await createCache().explain('key')).sort())
  })
})

describe('the tables of options', () => {
  const sections = page('options.md').split(/^## /m)

  /** Option and default of each row of the section that begins so. */
  function documented(heading: string): Record<string, string> {
    const section = sections.find((text) => text.startsWith(heading)) ?? ''
    return Object.fromEntries(
      [...section.matchAll(/^\| `(\w+)` *\| (.+?) *\|/gm)].map((row) => [row[1], row[2]]),
    )
  }

  test.for([
    ['An entry', entryDefaults],
    ['A cache', cacheDefaults],
    ['`memory`', memoryDefaults],
    ['`resilience`', resilienceDefaults],
    ['`resilience.breaker`', breakerDefaults],
    ['`health`', healthDefaults],
    ['`close`', { drain: drainDefault }],
  ] as const)('%s: every default is that of the code', ([heading, defaults]) => {
    const table = documented(heading)
    for (const [option, value] of Object.entries(defaults)) {
      expect(table[option], option).toBe(`\`${written(value)}\``)
    }
  })

  test.for([
    ['An entry', { defaults: { none: 1 } }],
    ['A cache', { none: 1 }],
    ['`memory`', { memory: { none: 1 } }],
    ['`resilience`', { resilience: { none: 1 } }],
    ['`resilience.breaker`', { resilience: { breaker: { none: 1 } } }],
    ['`health`', { health: { none: 1 } }],
  ] as const)('%s: every option is there, and no other', ([heading, wrong]) => {
    expect(Object.keys(documented(heading)).sort()).toEqual(knownOptions(wrong).sort())
  })

  function written(value: unknown): string {
    if (typeof value === 'string') return `'${value}'`
    return typeof value === 'number'
      ? value.toLocaleString('en-US').replace('∞', 'Infinity')
      : String(value)
  }

  /** The names that the refusal of an unknown one lists. */
  function knownOptions(wrong: object): string[] {
    try {
      resolveCacheOptions(wrong)
    } catch (error) {
      return /It knows (.+)$/.exec(String(error))?.[1]?.split(', ') ?? []
    }
    return []
  }
})

describe('the tables of keys', () => {
  const rows = [...page('concepts/keys.md').matchAll(/^\| `(\w+)\((.*)\)` *\| `([^`]+)`(.*)\|$/gm)]

  test('there are some', () => {
    expect(rows.length).toBeGreaterThanOrEqual(10)
  })

  test.for(
    rows.map(([, name = '', args = '', key = '', rest = '']) => [name, args, key, rest] as const),
  )('%s(%s) is %s', ([name, args, key, rest]) => {
    const parameters: unknown[] = new Function(`return [${args}]`)()
    const built =
      name === 'apiKey'
        ? apiKey(...(parameters as [string, string, unknown]))
        : argumentsKey(name, parameters)
    if (rest.includes('40 hexadecimal digits'))
      expect(built).toMatch(new RegExp(`^${key}[0-9a-f]{40}$`))
    else expect(built).toBe(key)
  })
})
