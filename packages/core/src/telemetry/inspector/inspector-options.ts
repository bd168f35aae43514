import type { IncomingMessage } from 'node:http'
import { type Clock, systemClock } from '../../clock.ts'
import { type Duration, parseDuration } from '../../options/duration.ts'
import { unmet } from '../../options/expectation.ts'
import { type OptionTable, readOptions } from '../../options/option-table.ts'
import { type Reader, reader } from '../../options/readers.ts'

/** What somebody wants of the inspector: to look, or to take something out of a cache. */
export type InspectorRight = 'read' | 'purge'

export interface InspectorOptions {
  /**
   * Whether this request may. Asked for every request before anything else; anything but `true` is a 403, and a failure
   * is the handler's. There is no default. The body of `request` is not to be read here. `incoming` is Node's own
   * request where `.node` was asked, with all that middleware has put on it.
   */
  readonly authorize: (
    request: Request,
    right: InspectorRight,
    incoming?: IncomingMessage,
  ) => boolean | Promise<boolean>
  /** How often an open page asks for news. Default `'2s'`, at least `'500ms'`. */
  readonly refresh?: Duration | undefined
  /** Source of time. Default: the machine's. */
  readonly clock?: Clock | undefined
}

export interface InspectorSettings {
  readonly authorize: InspectorOptions['authorize']
  readonly refreshMs: number
  readonly clock: Clock
}

const leastRefreshMs = 500
const defaultRefreshMs = 2_000

const readRefresh: Reader<number> = (value, option) => {
  const ms = parseDuration(value as Duration, option)
  if (ms >= leastRefreshMs && ms < Infinity) return ms
  throw unmet(option, `a duration of at least ${leastRefreshMs} ms, and not Infinity`, value)
}

const isFunction = (value: unknown) => typeof value === 'function'
const readAuthorize = reader<InspectorOptions['authorize']>(
  'a function (request, right) that says who may read and who may purge; there is no default',
  isFunction,
)

const table = {
  authorize: ['authorize', readAuthorize],
  refresh: ['refreshMs', readRefresh],
  clock: [
    'clock',
    reader<Clock>('a clock, such as fakeClock()', (value) =>
      isFunction((value as Partial<Clock> | null)?.monotonic),
    ),
  ],
} as const satisfies OptionTable<InspectorOptions, InspectorSettings>

/** @throws InvalidOptionError */
export function readInspectorOptions(options: unknown): InspectorSettings {
  const settings = readOptions<Partial<InspectorSettings>>(
    { refreshMs: defaultRefreshMs, clock: systemClock },
    options ?? {},
    table,
    'inspector(caches, options)',
  )
  // Left out it is as wrong as anything else that is no function.
  readAuthorize(settings.authorize, 'authorize')
  return settings as InspectorSettings
}
