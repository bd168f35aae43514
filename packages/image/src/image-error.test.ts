import { CacheError, isCacheError } from '@holdfast/core'
import { expect, it } from 'vitest'
import { ImageError, type ImageErrorCode } from './image-error.ts'

/** Rule R18: what each reason stands for towards a client. */
const statuses: Record<Exclude<ImageErrorCode, 'status'>, number> = {
  url: 400,
  address: 403,
  credentials: 403,
  expired: 403,
  origin: 403,
  port: 403,
  scheme: 403,
  signature: 403,
  busy: 503,
  timeout: 504,
  loop: 508,
  dns: 502,
  encoding: 502,
  headers: 502,
  integrity: 502,
  network: 502,
  pixels: 502,
  redirect: 502,
  size: 502,
  truncated: 502,
  type: 502,
  unavailable: 502,
}

it.each(Object.entries(statuses))('%s stands for %i', (code, status) => {
  expect(new ImageError(code as ImageErrorCode, 'x').status).toBe(status)
})

it.each([
  [404, 404, false],
  [410, 404, false],
  [403, 502, false],
  [501, 502, false],
  [429, 502, true],
  [503, 502, true],
])('an upstream %i stands for %i; retryable: %s', (upstreamStatus, status, retryable) => {
  expect(new ImageError('status', 'x', { upstreamStatus })).toMatchObject({ status, retryable })
})

it('what the policy or the picture is the reason of is not worth another try', () => {
  const retryable = Object.keys(statuses).filter(
    (code) => new ImageError(code as ImageErrorCode, 'x').retryable,
  )
  expect(retryable.sort()).toEqual(
    ['busy', 'dns', 'headers', 'network', 'timeout', 'truncated', 'unavailable'].sort(),
  )
})

it('is an error of Holdfast, with a cause only where there is one', () => {
  const error = new ImageError('dns', 'x', { cause: 'y' })
  expect(error).toBeInstanceOf(CacheError)
  expect(isCacheError(error)).toBe(true)
  expect([error.name, error.code, error.cause]).toEqual(['ImageError', 'dns', 'y'])
  expect('cause' in new ImageError('dns', 'x')).toBe(false)
})
