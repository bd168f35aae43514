import { hash } from 'node:crypto'
import { KeyError } from '../errors.ts'
import { describeKind } from '../options/expectation.ts'
import { argumentText } from './argument-text.ts'

/** What would end a part of the key early, choose a Redis slot (`{}`), or not be seen. */
const unsafe = /[:{}\s\p{C}]/u

/** What stays as it is: nothing unsafe, not too long, and not to be taken for a hash. */
const readable = /^(?![0-9a-f]{40}$)[^:{}\s\p{C}]{1,120}$/u

/**
 * A key for a call of an API: `api:{service}:{endpoint}:{hash(params)}`. One plain string stays readable, so
 * `apiKey('users', 'profile', 'user-789')` is `api:users:profile:user-789`; everything else is 160 bits of
 * SHA-256 in hexadecimal, over a text that is the same for any order of properties.
 * @throws KeyError for a service or endpoint that is empty or holds `:`, `{`, `}`, white space or control characters,
 * and for params that are no plain data.
 */
export function apiKey(service: string, endpoint: string, params?: unknown): string {
  assertPart('service', service)
  assertPart('endpoint', endpoint)
  return `api:${service}:${endpoint}:${paramsText(params)}`
}

function assertPart(part: string, value: unknown): void {
  if (typeof value === 'string' && value !== '' && !unsafe.test(value)) return
  const came =
    typeof value === 'string' && value !== ''
      ? `a string that holds one at position ${value.search(unsafe)}`
      : describeKind(value)
  throw new KeyError(
    `The ${part} of an apiKey must be a non-empty string without ':', '{', '}', white space or control characters; it was ${came}`,
  )
}

function paramsText(params: unknown): string {
  if (typeof params === 'string' && readable.test(params)) return params
  const text = argumentText(
    params,
    'The params of an apiKey must be plain data; they are or hold',
    'Pass the fields that tell one call from another',
  )
  return hash('sha256', text, 'hex').slice(0, 40)
}
