import {
  type HealthCheckName,
  type HealthSettings,
  isBelow,
  type Threshold,
  thresholds,
} from '../health/thresholds.ts'
import { type Duration, parseDuration } from './duration.ts'
import { unmet } from './expectation.ts'
import { type OptionTable, optionsReader } from './option-table.ts'
import { type Reader, readCount, reader } from './readers.ts'

/** When `health()` warns. What is left out stays as it is. */
export interface HealthOptions {
  /** By the name of the check; `false` leaves it out. Default: the table in docs/operations.md. */
  thresholds?: Partial<Record<HealthCheckName, Partial<Threshold> | false>> | undefined
  /** For how long a threshold has to be passed before it counts. Default `'5m'`. */
  window?: Duration | undefined
  /** How often a server is asked, at most. Default `'15s'`. */
  poll?: Duration | undefined
  /** Keys asked for in one window without which a hit rate says nothing. Default 1,000. */
  minimumRequests?: number | undefined
}

/** Every default of `health`, but the thresholds, which are a table of their own. */
export const healthDefaults = {
  window: '5m',
  poll: '15s',
  minimumRequests: 1_000,
} as const satisfies HealthOptions

const readLimit = reader<number>(
  'a number from 0 on',
  (value) => typeof value === 'number' && value >= 0,
)
const levels = { warn: ['warn', readLimit], critical: ['critical', readLimit] } as const

function thresholdReader(name: HealthCheckName): Reader<Threshold | undefined> {
  const read = optionsReader<Threshold>(levels, thresholds[name])
  return (value, option) => {
    if (value === false) return undefined
    const threshold = read(value, option)
    const { warn, critical } = threshold
    if (isBelow(name) ? critical > warn : critical < warn)
      throw unmet(`${option}.critical`, `at least as bad as its warn of ${warn}`, critical)
    return threshold
  }
}

const names = Object.keys(thresholds) as HealthCheckName[]

const readThresholds = optionsReader<HealthSettings['thresholds']>(
  Object.fromEntries(names.map((name) => [name, [name, thresholdReader(name)]])),
  Object.fromEntries(names.map((name) => [name, {}])),
)

function readSpan(value: unknown, option: string): number {
  const ms = parseDuration(value, option)
  if (ms > 0 && ms < Infinity) return ms
  throw unmet(option, 'a duration above 0, and not Infinity', value)
}

const table = {
  thresholds: ['thresholds', readThresholds],
  window: ['windowMs', readSpan],
  poll: ['pollMs', readSpan],
  minimumRequests: ['minimumRequests', readCount(1)],
} as const satisfies OptionTable<HealthOptions, HealthSettings>

/** @throws InvalidOptionError */
export const readHealth: Reader<HealthSettings> = optionsReader<HealthSettings>(table, {
  ...healthDefaults,
  thresholds: {},
})
