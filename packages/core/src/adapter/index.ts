/**
 * `@holdfast/core/adapter`: what every store over a network needs and none should write anew. The stores of
 * `@holdfast/redis` and `@holdfast/memcached` are made with it, and so can be yours.
 *
 * @packageDocumentation
 */

export { keepAlive, systemClock, whenTurnEnds } from '../clock.ts'
export { unmet } from '../options/expectation.ts'
export { nearestName, refuseUnknownNames } from '../options/known-names.ts'
export { type Reader, readBoolean, readClock } from '../options/readers.ts'
export { backgroundClock, sleep } from './background-clock.ts'
export { DeadlineTimer } from './deadline-timer.ts'
export { type PasswordSetting, passwordNow } from './password.ts'
export { isLoopback, isPublicAddress, refusePublicPlaintext } from './public-address.ts'
export { readDuration, readSpan, readWhole } from './read-options.ts'
export { checkTls, type TlsSetting, tlsNow } from './tls.ts'
export { TurnBatch } from './turn-batch.ts'
