import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Clock, systemClock, type TimerHandle } from '../clock.ts'
import { isCacheError, StoreError } from '../errors.ts'

/** What a case came to, where it did not fail. */
export interface ConformanceOutcome {
  /** Why the case does not apply. Absent: everything it says was checked. */
  readonly skipped?: string
}

/** One sentence about a store or a bus, and the check of it. For any runner: `test(name, run)`. */
export interface ConformanceCase {
  readonly name: string
  /** @throws {AssertionError} by rejecting, where the sentence is not true. */
  run(): Promise<ConformanceOutcome>
}

/** A prefix that no other case and no other run has used. */
export const freshPrefix = () => `conformance:${randomBytes(9).toString('base64url')}:`

export const text = (words: string) => new TextEncoder().encode(words)

/** A value as core writes it: 17 bytes of head, which `replace` compares, and a payload. */
export function headed(headByte: number, payload: string): Uint8Array {
  return Buffer.concat([headOf(headByte), text(payload)])
}

export const headOf = (headByte: number) => new Uint8Array(17).fill(headByte)

/** Compares bytes whatever class carries them: a Buffer and a Uint8Array of the same bytes are the same answer. */
export function sameBytes(
  actual: Uint8Array | undefined,
  expected: Uint8Array | undefined,
  what: string,
): void {
  if (expected === undefined || actual === undefined) {
    const word = (bytes: Uint8Array | undefined) =>
      bytes === undefined ? 'undefined' : `${bytes.byteLength} bytes`
    assert.ok(
      actual === expected,
      `${what}: expected ${word(expected)}, the answer was ${word(actual)}`,
    )
    return
  }
  assert.ok(actual instanceof Uint8Array, `${what}: the answer is no Uint8Array`)
  assert.ok(
    Buffer.compare(actual, expected) === 0,
    `${what}: expected ${describe(expected)}, the answer was ${describe(actual)}`,
  )
}

const describe = (bytes: Uint8Array) =>
  `${bytes.byteLength} bytes ${Buffer.from(bytes.subarray(0, 24)).toString('hex')}${bytes.byteLength > 24 ? '…' : ''}`

export async function rejectsTyped(
  attempt: () => Promise<unknown>,
  kinds: readonly string[],
  what: string,
): Promise<void> {
  const error = await rejectionOf(attempt, what)
  if (error instanceof assert.AssertionError) throw error
  assert.ok(error instanceof Error, `${what}: rejected with something that is no Error`)
  assert.ok(isCacheError(error), `${what}: rejected with ${error.name}, which is no CacheError`)
  const kind = error instanceof StoreError ? error.kind : error.name
  assert.ok(
    kinds.includes(kind),
    `${what}: rejected with ${kind}, expected one of: ${kinds.join(', ')}`,
  )
}

/** Closed within 10 ms and with a type: a caller must not wait for a store that is gone. */
export async function rejectsClosed(attempt: () => Promise<unknown>, what: string): Promise<void> {
  let fastestMs = Number.POSITIVE_INFINITY
  // The fastest counts: a machine that runs other things may hold up any one of them.
  for (let tries = 0; tries < 5 && fastestMs >= 10; tries++) {
    const startedAt = systemClock.monotonic()
    await rejectsTyped(
      () => soon(attempt(), what),
      ['closed', 'ClosedError'],
      `${what} after close`,
    )
    fastestMs = Math.min(fastestMs, systemClock.monotonic() - startedAt)
  }
  assert.ok(fastestMs < 10, `${what} after close took ${fastestMs.toFixed(1)} ms, expected < 10`)
}

/** Fails instead of waiting for something that may never settle. */
async function soon<T>(attempt: Promise<T>, what: string): Promise<T> {
  let timer: TimerHandle
  const patience = new Promise<never>((_, reject) => {
    const message = `${what} after close is still waiting`
    timer = systemClock.setTimeout(() => reject(new assert.AssertionError({ message })), 200)
  })
  try {
    return await Promise.race([attempt, patience])
  } finally {
    systemClock.clearTimeout(timer)
  }
}

async function rejectionOf(attempt: () => Promise<unknown>, what: string): Promise<unknown> {
  let promise: Promise<unknown>
  try {
    promise = attempt()
  } catch (error) {
    throw new assert.AssertionError({
      message: `${what}: threw ${String(error)} instead of rejecting`,
    })
  }
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new assert.AssertionError({ message: `${what}: resolved, expected a rejection` })
}

export const wait = (ms: number, clock: Clock = systemClock) =>
  new Promise<void>((resolve) => {
    clock.setTimeout(resolve, ms)
  })

/** Looks every few milliseconds until `condition` holds. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
): Promise<void> {
  const deadlineAt = systemClock.monotonic() + withinMs
  for (;;) {
    if (await condition()) return
    assert.ok(systemClock.monotonic() < deadlineAt, `${what}: not within ${withinMs} ms`)
    await wait(5)
  }
}
