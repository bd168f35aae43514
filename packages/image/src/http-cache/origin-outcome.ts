import type { FieldList } from './fields.ts'
import type { KeptResponse } from './kept-response.ts'
import type { OriginFailure } from './origin-holds.ts'
import type { NotStorable } from './storable.ts'

/** An answer that can be served as often as need be. */
export interface WholeAnswer {
  readonly kind: 'whole'
  readonly response: KeptResponse
  /** As it came, its cookies included. */
  readonly fields: FieldList
  readonly status: number
  /** It may be, and was handed to the cache. */
  readonly stored: boolean
  readonly why: NotStorable | 'too-large' | 'incomplete' | undefined
}

/** What became of a request to the origin, for the caller whose request it was. */
export type OriginOutcome =
  | WholeAnswer
  /** It has an answer that can be read once. */
  | {
      readonly kind: 'passing'
      readonly response: Response
      readonly body: ReadableStream<Uint8Array> | null
      readonly why: string
    }
  /** The origin failed, and what is kept may stand in. */
  | {
      readonly kind: 'failed'
      readonly as: OriginFailure
      readonly status: number | undefined
      readonly retryAfterMs: number | undefined
    }
