import type { StoreErrorKind } from '@holdfast/core'
import { statuses } from './binary-packet.ts'
import { type Fault, fault } from './connection-errors.ts'

/** What a server may refuse a command with, and what to do about it. */
const refusals: Readonly<Record<number, readonly [StoreErrorKind, string]>> = {
  [statuses.tooLarge]: [
    'too-large',
    'the value is larger than the item size of the server (its -I); see itemBytes; what was under the key is gone',
  ],
  [statuses.invalid]: ['denied', 'the server finds the arguments invalid'],
  [statuses.notStored]: ['unknown', 'the server has not stored it'],
  [statuses.unauthenticated]: ['auth', 'the server wants a login; see username and password'],
  [statuses.unknownCommand]: [
    'denied',
    "the server does not know the command; see protocol: 'meta'",
  ],
  [statuses.outOfMemory]: [
    'full',
    'the server is out of memory and does not evict (its -M), or has no page left for this size',
  ],
  [statuses.notSupported]: ['denied', 'the server does not support the command'],
  [statuses.internal]: ['unavailable', 'the server reports an internal error'],
  [statuses.busy]: ['overloaded', 'the server is busy'],
  [statuses.temporary]: ['unavailable', 'the server reports a temporary failure'],
}

/** Why the server did not do it. */
export function refusal(status: number): Fault {
  const [kind, reason] = refusals[status] ?? [
    'unknown',
    `the server refused with status 0x${status.toString(16)}`,
  ]
  return fault(kind, reason)
}
